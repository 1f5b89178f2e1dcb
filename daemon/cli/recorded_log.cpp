#include "daemon/cli/recorded_log.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/cli/csv_log.h"
#include "daemon/cli/recorded_local.h"
#include "daemon/cli/text_file.h"
#include "daemon/local/trainer_json.h"
#include "daemon/runs/attempt_tracker.h"
#include "daemon/runs/relaxed_json.h"
#include "daemon/runs/row_builder.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::uintmax_t kLargestLog = std::uintmax_t{512} << 20;

/// "results/full_ft_rte_seed42/checkpoint-300/trainer_state.json" is best known by the experiment's
/// directory.
std::string name_of(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path file = fs::path(path).lexically_normal();
  const std::string stem = file.stem().string();
  if (stem != "trainer_state" && stem != "trainer_log") return file.filename().string();
  fs::path directory = file.parent_path();
  if (directory.filename().string().starts_with("checkpoint-")) directory = directory.parent_path();
  const std::string name = directory.filename().string();
  return name.empty() || name == "." || name == ".." ? file.filename().string() : name;
}

class Collector {
 public:
  Collector(RecordedLog& log, const MetricNames& names, std::string source)
      : log_(log),
        builder_(names),
        target_{{SubjectKind::run, log.run.key}, log.run.key, std::move(source)} {}

  void add(const json& row) {
    if (row.is_object()) keep(builder_.build(row, target_));
  }
  void add(const LoggedRow& row) { keep(builder_.build(row, target_)); }

 private:
  void keep(std::optional<BuiltRow> built) {
    if (!built) return;
    tracker_.place(*built);
    built->observation.seq = next_++;
    log_.rows.push_back(std::move(built->observation));
  }

  RecordedLog& log_;
  RowBuilder builder_;
  RowTarget target_;
  AttemptTracker tracker_;
  std::int64_t next_ = 0;
};

/// True when it is one; what else it may be is looked at by others.
bool take_trainer_state(std::string_view text, RecordedLog& log, const MetricNames& names) {
  Collector collector(log, names, "trainer_state");
  local::TrainerStateReader reader([&](local::LocalEvent& event) {
    if (const auto* row = std::get_if<local::Row>(&event.what)) collector.add(row->values);
  });
  if (reader.read(text) != local::TrainerStateReader::Outcome::read) return false;
  log.format = "trainer_state";
  log.run.config.update(reader.state().plan());
  // HF's log has no clock; a metric that somebody called "time" is none.
  for (Observation& row : log.rows) row.time = Time{};
  if (reader.state().finished()) log.run.state = RunState::finished;
  return true;
}

/// Names a few keys, so that a person sees what the file is instead.
std::string describe(const json& value) {
  if (!value.is_object()) return fmt::format("it holds a JSON {}", value.type_name());
  std::string keys;
  std::size_t shown = 0;
  for (const auto& [key, ignored] : value.items()) {
    if (shown++ == 4) break;
    keys += (keys.empty() ? "" : ", ") + key.substr(0, 40);
  }
  return keys.empty() ? "it holds an empty object"
                      : fmt::format("its keys are {}{}", keys, value.size() > 4 ? ", …" : "");
}

Result<void> take_lines(std::string_view text, RecordedLog& log, const MetricNames& names,
                        const std::string& doing) {
  log.format = "json lines";
  Collector collector(log, names, "json_lines");
  std::size_t line_number = 0;
  std::size_t objects = 0;
  std::size_t unreadable = 0;
  std::string first_problem;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<json> row = parse_relaxed_json(line, doing, {});
    if (row && row->is_object()) {
      ++objects;
      collector.add(*row);
      continue;
    }
    if (++unreadable == 1) {
      first_problem = fmt::format("line {}: {}", line_number, row ? describe(*row) : row.error().what);
    }
  }
  if (objects == 0)
    return fail(ErrorCode::invalid_input, doing, "no line of it is a JSON object (" + first_problem + ")");
  if (unreadable > 0)
    log.notes.push_back(
        fmt::format("{} line(s) could not be read, the first is {}", unreadable, first_problem));
  return {};
}

Result<void> take_csv(std::string_view text, RecordedLog& log, const MetricNames& names,
                      const std::string& doing) {
  log.format = "csv";
  Collector collector(log, names, "csv");
  Result<std::vector<std::string>> notes =
      read_csv_log(text, doing, [&](const json& row) { collector.add(row); });
  if (!notes) return tl::unexpected<Error>(std::move(notes.error()));
  log.notes = std::move(*notes);
  return {};
}

Result<void> take_json(std::string_view text, RecordedLog& log, const MetricNames& names,
                       const std::string& doing) {
  if (take_trainer_state(text, log, names)) return {};
  Result<json> whole = parse_relaxed_json(text, doing, {kLargestLog, 200});
  if (!whole) {
    // Not one JSON value: lines, or a file cut short.
    if (text.find("\n{") == std::string_view::npos) return tl::unexpected<Error>(std::move(whole.error()));
    return take_lines(text, log, names, doing);
  }
  if (whole->is_array()) {
    log.format = "json array";
    Collector collector(log, names, "json_lines");
    for (const json& row : *whole) collector.add(row);
    if (!log.rows.empty()) return {};
  }
  const auto last = text.find_last_not_of(" \t\r\n");
  if (whole->is_object() && text.find('\n') > last)  // one line, as a log just begun has
    return take_lines(text, log, names, doing);
  return fail(ErrorCode::invalid_input, doing,
              fmt::format("not a training log: {}, and there is no log_history", describe(*whole)),
              "give HF Trainer's trainer_state.json, a .jsonl or a .csv log");
}

Result<void> take_file(std::string_view text, const std::string& path, RecordedLog& log,
                       const MetricNames& names, const std::string& doing) {
  if (looks_like_wandb_file(text)) return take_wandb_file(text, path, log, names);
  if (looks_like_tfevents(text)) return take_tfevents(text, path, log, names);
  if (text.starts_with("version https://git-lfs.github.com/spec/")) {
    return fail(ErrorCode::invalid_input, doing, "a git-LFS pointer stands in its place, not the log itself",
                "run: git lfs pull");
  }
  const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos) return fail(ErrorCode::invalid_input, doing, "it is empty");
  if (text[first] != '{' && text[first] != '[') {
    const std::string extension = std::filesystem::path(path).extension().string();
    if (extension == ".csv" || extension == ".tsv" || extension == ".CSV" || looks_like_csv(text))
      return take_csv(text, log, names, doing);
    if (take_console(text, path, log, names)) return {};
    return fail(
        ErrorCode::invalid_input, doing,
        "it is neither JSON, JSON lines nor CSV, no file of W&B's or TensorBoard's, and no console log "
        "with a metric or an error in it",
        "give a trainer_state.json, a .jsonl, .csv or .wandb file, an events.out.tfevents.* or output.log");
  }
  text.remove_prefix(first);
  Result<void> taken = take_json(text, log, names, doing);
  // A Trainer prints its rows as Python does: {'loss': 0.5}.
  if (!taken && text.starts_with("{'") && take_console(text, path, log, names)) return {};
  return taken;
}

}  // namespace

Result<RecordedLog> read_recorded_log(const std::string& path, const MetricNames& names) {
  const std::string doing = "reading " + path;
  Result<std::string> text = read_text_file(path, doing, kLargestLog);
  if (!text) return tl::unexpected<Error>(std::move(text.error()));
  RecordedLog log;
  log.run.key = "file:" + path;
  log.run.name = log.run.id = name_of(path);
  derive_identity(log.run);
  if (Result<void> taken = take_file(*text, path, log, names, doing); !taken)
    return tl::unexpected<Error>(std::move(taken.error()));
  return log;
}

}  // namespace redflag::daemon
