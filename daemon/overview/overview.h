// What redflag knows at one moment, for people: sources, runs, tasks against their expected ranges, the
// results tree, the machine, alerts. Plain values. `redflag status`, the live page, /metrics and the report
// are all drawn from it, whether the daemon collected it or a command that looked once; overview_json.h is
// its form on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/results/results_summary.h"
#include "daemon/runs/run_info.h"
#include "rules/values/observation.h"
#include "rules/values/time.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

/// Numbers of alerts that fire, by severity.
struct AlertCounts {
  std::size_t critical = 0;
  std::size_t warning = 0;
  std::size_t info = 0;
  bool operator==(const AlertCounts&) const = default;
};

/// One source of observations, by its own word (the facts of subject kind `source`).
struct SourceView {
  std::string key;                    ///< "wandb:api.wandb.ai/ent/proj", "results:/data/results", "contents"
  std::string kind;                   ///< "wandb", "results", "contents", …
  std::optional<bool> reachable;      ///< nullopt: has not spoken yet
  std::string trouble;                ///< for people; empty when all is well
  Time last_success;                  ///< Time{}: never
  std::optional<double> lag_seconds;  ///< by how much its newest point is behind, where it can tell
  std::size_t runs = 0;
  std::size_t active_runs = 0;
};

/// The newest value of one metric.
struct LatestValue {
  std::string metric;  ///< canonical
  double value = 0.0;  ///< may be NaN or infinite
  std::int64_t step = -1;
};

/// A run's score as its task counts it (eval_accuracy else accuracy; eval_f1 else f1 for SQuAD v2).
struct Score {
  std::string metric;         ///< canonical: "eval_accuracy"
  double value = 0.0;         ///< a fraction: above 1 was read as percent
  bool from_summary = false;  ///< the run's own final word; false: the curve's last point
};

struct RunView {
  RunInfo info;
  std::int64_t step = -1;        ///< newest training step; -1: none told
  std::int64_t total_steps = 0;  ///< as config says (max_steps, else what the rows tell); 0: not known
  std::uint32_t attempt = 1;
  Time last_row_at;                 ///< Time{}: none
  double steps_per_second = 0.0;    ///< over the newest rows; 0: not known
  std::vector<LatestValue> latest;  ///< by metric's name
  std::vector<double> loss;         ///< train_loss (else loss) thinned to at most 64 points, for a sparkline
  std::optional<Score> score;
  AlertCounts alerts;
  std::string leading_source;  ///< the source whose points come first: "wandb", later local ones too

  /// Newest value of a metric; nullopt when there is none.
  std::optional<double> value_of(std::string_view metric) const;
  /// When it will be done at this rate; nullopt when that cannot be told or it has ended.
  std::optional<Duration> remaining() const;
};

/// Where a score lies. Above the range is no failure.
enum class ScoreVerdict : std::uint8_t { none, critical, below, in_range, above };
std::string_view to_string(ScoreVerdict verdict);

/// The scores of one task and method: of several runs with one seed the newest that finished counts.
struct MethodScores {
  std::string method;
  struct One {
    std::string run;  ///< key
    std::string name;
    std::optional<std::int64_t> seed;
    double value = 0.0;
  };
  std::vector<One> scores;  ///< ascending by seed
};

struct TaskView {
  std::string task;    ///< "mrpc"
  std::string metric;  ///< "accuracy", "F1"
  double expected_min = 0.0, expected_max = 0.0,
         critical = 0.0;                      ///< fractions, from the rules' own table; all 0: no range known
  std::vector<MethodScores> methods;          ///< those with a score, fine-tuned ones first
  std::optional<double> best, average;        ///< over the fine-tuned ones
  ScoreVerdict verdict = ScoreVerdict::none;  ///< of the average
};

/// One step or checkpoint of a series.
struct StepCell {
  std::int64_t step = -1;
  enum class State : std::uint8_t { ok, bad, in_progress, unchecked } state = State::unchecked;
  std::string detail;  ///< what is wrong with it, worst first; or why it was not checked
};
std::string_view to_string(StepCell::State state);

/// A directory of extraction steps, or of checkpoints.
struct SeriesView {
  std::string dir;              ///< printable absolute path
  std::string task, method;     ///< of extraction steps
  std::string run;              ///< key of the run that it is proven to belong to; else empty
  std::vector<StepCell> cells;  ///< present, ascending
  std::vector<std::int64_t> missing;
  std::uint64_t missing_count = 0;
  bool regular = true;
  bool has_base = true;
};

struct ResultsView {
  std::string root;
  bool present = false;
  bool listed = false;   ///< read whole at least once
  std::string watching;  ///< "inotify", "polling", "absent"
  std::string degraded;  ///< why it is not watched as it should be; empty: it is
  ResultsSummary summary;
  std::vector<SeriesView> representations;
  std::vector<SeriesView> checkpoints;  ///< final_model and final_adapter are cells with step -1
  std::uint64_t disk_total_bytes = 0,
                disk_free_bytes = 0;  ///< of its file system, as disk_space(); 0: not known
};

struct HostView {
  std::string name;
  std::uint64_t memory_total_bytes = 0, memory_available_bytes = 0;
};

/// redflag itself.
struct DaemonView {
  std::string version;
  bool once = false;  ///< no daemon: a command that looked once
  Time started_at;
  Time as_of;  ///< once, from a store: when its newest word was written; else Time{}
  std::uint64_t rss_bytes = 0;
  std::uint64_t store_bytes = 0;
  bool undurable = false;  ///< the disk refuses: alerts go out from memory
  std::size_t messages_waiting = 0;
  std::vector<std::string> channel_troubles;  ///< "slack: revoked since …", for people
};

/// An alert in a line; the API's /v1/alerts has everything about it.
struct AlertLine {
  std::string id, rule;
  Severity severity = Severity::warning;
  std::string state;  ///< "firing", "pending"
  std::string run;    ///< key; empty when it belongs to none
  std::string about;  ///< the run's name, else the subject, for people
  std::string message, hint;
  std::optional<double> value, threshold;
  std::int64_t step = -1, since_step = -1;
  Time since;
  bool acknowledged = false;
  std::string muted_by;
};

struct Overview {
  Time now;
  DaemonView daemon;
  std::vector<SourceView> sources;
  std::vector<RunView> runs;   ///< those with critical alerts first, then the live, then the newest
  std::size_t runs_total = 0;  ///< `runs` may have been cut
  std::size_t running = 0, finished = 0, failed = 0;  ///< of all; failed: also crashed and killed
  std::vector<TaskView> tasks;
  std::vector<ResultsView> results;
  HostView host;
  std::vector<AlertLine> alerts;  ///< firing, most severe first; then pending
  AlertCounts firing;
};

}  // namespace redflag::daemon
