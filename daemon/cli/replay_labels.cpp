#include "daemon/cli/replay_labels.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/cli/labels.h"
#include "daemon/cli/log_files.h"
#include "daemon/cli/recorded_log.h"
#include "daemon/cli/replay_run.h"
#include "daemon/cli/score.h"
#include "daemon/cli/score_report.h"
#include "daemon/cli/terminal.h"
#include "daemon/cli/text_file.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestTable = std::uintmax_t{64} << 20;

Result<std::vector<LabelledRun>> read_labels(const LabelledReplay& wanted) {
  const std::string doing = "reading the labels " + wanted.labels;
  const Result<std::string> text = read_text_file(wanted.labels, doing, kLargestTable);
  if (!text) return tl::unexpected<Error>(text.error());
  Result<std::vector<LabelledRun>> runs = parse_labels(*text, doing);
  if (!runs || wanted.onsets.empty()) return runs;
  const std::string reading = "reading the onsets " + wanted.onsets;
  const Result<std::string> onsets = read_text_file(wanted.onsets, reading, kLargestTable);
  if (!onsets) return tl::unexpected<Error>(onsets.error());
  if (Result<void> added = add_onsets(*onsets, reading, *runs); !added)
    return tl::unexpected<Error>(std::move(added.error()));
  return runs;
}

std::vector<std::string> unlabelled_in(const std::string& directory, const std::vector<LabelledRun>& runs) {
  std::set<std::string> labelled;
  for (const LabelledRun& run : runs) labelled.insert(fs::path(run.file).lexically_normal().string());
  std::vector<std::string> names;
  const Result<std::vector<std::string>> files = log_files_of(directory);
  if (!files) return names;
  for (const std::string& file : *files) {
    const std::string name = fs::path(file).filename().string();
    if (!labelled.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace

int replay_labels(const LabelledReplay& wanted, const std::shared_ptr<const RuleSet>& rules,
                  const MetricNames& names) {
  std::error_code error;
  if (!fs::is_directory(wanted.directory, error)) {
    fmt::print(stderr, "redflag replay: {} is no directory; --labels wants the one that the logs are in\n",
               alerts::escape_terminal(wanted.directory));
    return 2;
  }
  const Result<std::vector<LabelledRun>> labels = read_labels(wanted);
  if (!labels) {
    fmt::print(stderr, "redflag replay: {}\n", alerts::escape_terminal(labels.error().text()));
    return 2;
  }

  std::vector<ScoredRun> runs;
  bool complete = true;
  const std::vector<ScoredRule> scored = scored_rules(*rules);
  {
    ProgressLine progress("replaying");
    for (const LabelledRun& label : *labels) {
      const Result<RecordedLog> log =
          read_recorded_log((fs::path(wanted.directory) / label.file).string(), names);
      if (log) {
        runs.push_back(score_run(label, *log, replay_run(rules, *log), scored));
      } else {
        complete = complete && !(is_bad(label.run_class) || label.run_class == RunClass::healthy);
        runs.push_back({label, log.error().text(), 0, {}});
      }
      progress.at(runs.size(), labels->size());
    }
  }
  const Scorecard score = score_runs(std::move(runs), scored);
  const std::vector<std::string> unlabelled = unlabelled_in(wanted.directory, *labels);
  fmt::print("{}", wanted.json ? score_json(score, unlabelled) : score_text(score, unlabelled));
  return complete ? 0 : 1;
}

}  // namespace redflag::daemon
