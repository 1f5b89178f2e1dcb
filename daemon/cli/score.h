// How well the rules do on labelled runs: what they find, how late, and what each of them costs in false
// alarms. Pure: from what the rules said to numbers; `score_report.h` gives them a form.
//
// Alerts of severity info count as nothing. A rule's severity in a run is the worst it reached there.
// Lateness is counted in log rows: rows with a training metric (train_loss, learning_rate,
// gradient_norm_total) or an evaluation metric. Progress bars and memory are logged at other rhythms and say
// nothing of lateness.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/labels.h"
#include "daemon/cli/recorded_log.h"
#include "daemon/cli/replay_run.h"
#include "daemon/cli/rule_kinds.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

/// One rule in one run.
struct RuleHit {
  std::string rule;
  Severity severity = Severity::warning;  ///< the worst it reached
  std::int64_t step = -1;                 ///< where it first was a warning or worse; -1 = not known
  std::size_t log_row = 0;                ///< the same as a log row, from 1; 0 = before the first
  std::optional<std::int64_t> delay;      ///< log rows since the onset, negative = before it
  double share = 0.0;                     ///< of the log rows that were over by then, 0 … 1
  bool of_kind = false;                   ///< the rule says to find just what the run is labelled as
};

struct ScoredRun {
  LabelledRun label;
  std::string unreadable;  ///< why it could not be read; empty = it was
  std::size_t log_rows = 0;
  std::vector<RuleHit> hits;  ///< in the order in which they spoke

  bool read() const { return unreadable.empty(); }
  bool alarmed() const { return !hits.empty(); }
  bool critical() const;
  /// First alert of a rule of the label's kind; null when there is none.
  const RuleHit* found() const;
};

/// One class of bad runs; only those that could be read.
struct ClassScore {
  RunClass run_class = RunClass::nan;
  std::size_t runs = 0;
  std::size_t of_kind = 0;   ///< found by a rule of that kind
  std::size_t early = 0;     ///< of these: it spoke before the onset, so perhaps of something else
  std::size_t by_any = 0;    ///< found by any rule
  std::size_t critical = 0;  ///< with a critical alert of any rule
};

struct RuleCost {
  std::string rule;
  std::vector<RunClass> kinds;
  std::array<std::size_t, 4> found{};  ///< runs it fired on, in the order of kBadClasses
  std::size_t healthy_critical = 0;
  std::size_t healthy_warning = 0;  ///< and not critical
  std::size_t unclear = 0;
  bool fired() const;
};

struct RepositoryScore {
  std::string repository;
  std::size_t runs = 0;          ///< read, of a class that counts or unclear
  std::size_t false_alarms = 0;  ///< healthy runs that fired
  std::size_t missed = 0;        ///< bad runs that no rule of their kind found
};

struct Scorecard {
  std::vector<ScoredRun> runs;  ///< as labelled
  std::array<ClassScore, 4> classes;
  std::size_t healthy = 0;
  std::size_t healthy_critical = 0;
  std::size_t healthy_warning = 0;  ///< and not critical
  std::size_t unclear = 0;
  std::size_t unclear_alarmed = 0;
  std::vector<RuleCost> rules;                ///< in the order of the rule files
  std::vector<RepositoryScore> repositories;  ///< most trouble first; empty when the labels name none
  std::optional<double> median_delay;         ///< log rows, of bad runs found by a rule of their kind
  std::optional<double> median_ahead;         ///< share of the run that was still to come
};

ScoredRun score_run(const LabelledRun& label, const RecordedLog& log,
                    const std::vector<ReplayedTransition>& told, const std::vector<ScoredRule>& rules);
Scorecard score_runs(std::vector<ScoredRun> runs, const std::vector<ScoredRule>& rules);

}  // namespace redflag::daemon
