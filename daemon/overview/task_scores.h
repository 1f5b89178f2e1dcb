// Scores against what their tasks should give: which score of a run counts, which runs count, and where that
// lies. The ranges come from the rules' own table `expected`, so a user's override counts here, too.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/overview/overview.h"
#include "rules/lang/rule_set.h"

namespace redflag::daemon {

/// As fractions.
struct ScoreRange {
  double min = 0.0, max = 0.0, critical = 0.0;
};
using ScoreRanges = std::map<std::string, ScoreRange, std::less<>>;  ///< by task

/// The table `expected` of the loaded packs; empty when no pack has one.
ScoreRanges score_ranges(const RuleSet& rules);

/// The task is judged by F1, not by accuracy (SQuAD).
bool judged_by_f1(std::string_view task);
/// Canonical names of the metrics that are a task's score, the one that counts first.
std::vector<std::string_view> score_metrics(std::string_view task);
/// Above 1 it was meant as percent, as fraction() has it in the rules.
double as_fraction(double score);

/// Not trained at all: what fine-tuned models are compared with.
bool is_baseline(std::string_view method);

struct RunWithScore {
  const RunInfo* run;
  double value;  ///< a fraction
};

/// One view for each task with a range or a score, by name. Of `runs`, those that finished count, of several
/// with one task, method and seed the newest; without a seed they are taken for the same.
std::vector<TaskView> task_views(const ScoreRanges& ranges, std::vector<RunWithScore> runs);

}  // namespace redflag::daemon
