// The checklist of the mission (V1 to V24): what `redflag validate` says of a project. A pure function of
// what is known.
//
// A line passes only when what it needs was there, was looked at, and was found good: each line collects what
// it found (proofs), what was wrong (failures) and what it could not look at (holes). One failure makes it
// FAIL; else one hole, or no proof at all, makes it NOT CHECKED. docs/validate.md says for every line what it
// asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/overview/evidence.h"
#include "daemon/statistics/t_test.h"
#include "daemon/statistics/words.h"

namespace redflag::daemon::validate {

enum class LineVerdict : std::uint8_t { pass, fail, not_checked };
/// "PASS", "FAIL", "NOT CHECKED".
std::string_view to_string(LineVerdict verdict);

/// One thing that was found. Texts are raw: names come from outside, and whoever shows them escapes them.
struct Remark {
  std::string about;  ///< a run's name, a path, a task, a source: what it is said of
  std::string words;
  std::string run;   ///< key; empty when it is about none
  std::string path;  ///< of a file or directory; empty when it is about none
  std::int64_t step = -1;
  std::optional<double> value;
};

struct Line {
  std::string id;     ///< "V1"
  std::string title;  ///< "W&B reachable and project readable"
  LineVerdict verdict = LineVerdict::not_checked;
  std::string summary;  ///< one sentence: why this verdict
  /// At most kMostRemarks of each are kept; the counts are of all.
  std::vector<Remark> failures, holes, proofs;
  std::size_t failures_total = 0, holes_total = 0, proofs_total = 0;
  std::vector<std::string> advice;  ///< what to do, when not PASS; most urgent first
};
inline constexpr std::size_t kMostRemarks = 40;

struct Section {
  std::string title;  ///< "Training progress"
  std::vector<Line> lines;
};

/// Two methods on one task.
struct Comparison {
  std::string task, first, second;  ///< methods: "full_finetune", "base_pretrained"
  statistics::Description of_first, of_second;
  bool paired = false;  ///< by seed; else Welch
  statistics::TestResult test;
  std::optional<double> adjusted_p;  ///< over the tasks of the same two methods
  std::size_t family = 1;
  std::optional<double> effect;  ///< d_z when paired, else Hedges' g
  std::string words;             ///< for people
};

/// A fine-tuned method's scores on one task against the range.
struct TaskStatistics {
  std::string task, method, metric;
  double expected_min = 0, expected_max = 0, critical = 0;
  statistics::BoundTest test;
};

struct Checklist {
  Time now;
  std::vector<Section> sections;  ///< five, V1–V5 to V20–V24
  std::size_t passed = 0, failed = 0, not_checked = 0;
  std::vector<TaskStatistics> statistics;
  std::vector<Comparison> comparisons;
  std::vector<std::string> counting_runs;  ///< keys of the runs that count (W3)

  const Line* line(std::string_view id) const;
  /// 0 all pass, 1 any fail, 2 something not checked.
  int exit_code() const;
};

struct ChecklistOptions {
  double alpha = 0.05;  ///< within (0, 0.5]
  std::vector<std::string>
      tasks;  ///< of mrpc, sst2, rte, squad_v2; empty: all. Others make their lines NOT CHECKED
};

/// The tasks that the mission names, in its order.
const std::vector<std::string>& required_tasks();
/// "MRPC", "SST-2", "RTE", "SQuAD v2"; another task as it is.
std::string task_title(std::string_view task);

Checklist judge(const Evidence& evidence, const ChecklistOptions& options = {});

}  // namespace redflag::daemon::validate
