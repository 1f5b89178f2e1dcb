// What several lines ask of files and directories.
#include <fmt/format.h>

#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

constexpr const char* kWait = "wait until all files are read and validate again";

}  // namespace

void note_left_out(const CaseFile& file, LineBuilder& line) {
  for (const std::string& task : required_tasks()) {
    if (!file.asked_for(task))
      line.missing({task_title(task), "left out by --task"}, "run it again without --task");
  }
}

bool is_trouble(std::string_view word) {
  return word == "warning" || word == "critical";
}

bool judge_verdicts(const Directory& directory, const char* advice, LineBuilder& line) {
  bool sound = true;
  const auto judge = [&](const FactView& facts) {
    const std::string verdict = facts.text("verdict");
    if (verdict == "ok") return;
    sound = false;
    if (verdict.empty()) {
      line.missing(about_path(facts, "has not been looked at"), kWait);
    } else if (verdict == "in_progress") {
      line.missing(about_path(facts, "is still being written"), kWait);
    } else {
      const std::string detail = facts.text("detail");
      line.wrong(about_path(facts, detail.empty() ? verdict : verdict + ": " + detail), advice);
    }
  };
  judge(directory.self);
  for (const FactView& each : directory.files) judge(each);
  return sound;
}

bool judge_inside(const FactView& facts, std::initializer_list<const char*> kinds, const char* advice,
                  LineBuilder& line) {
  bool sound = true;
  for (const char* kind : kinds) {
    const std::string word = facts.text(kind);
    if (word == "none") continue;
    sound = false;
    const std::string detail = facts.text(std::string(kind) + "_detail");
    if (is_trouble(word)) {
      line.wrong(about_path(facts, detail.empty() ? std::string(kind) : detail), advice);
    } else {
      line.missing(about_path(facts, fmt::format("has not been looked into ({})", kind)), kWait);
    }
  }
  return sound;
}

bool judge_loading(const Directory& directory, const char* advice, LineBuilder& line) {
  bool sound = true;
  for (const FactView& file : directory.files) {
    const std::string content = file.text("content");
    const bool hostile = is_trouble(file.text("hostile"));
    if ((content.empty() || content == "ok") && !hostile) continue;
    sound = false;
    const std::string detail = file.text(hostile ? "hostile_detail" : "content_detail");
    line.wrong(about_path(file, detail.empty() ? "does not load" : detail), advice);
  }
  return sound;
}

}  // namespace redflag::daemon::validate
