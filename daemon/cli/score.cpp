#include "daemon/cli/score.h"

#include <algorithm>
#include <map>

namespace redflag::daemon {
namespace {

bool is_log_metric(const std::string& metric) {
  return metric == "train_loss" || metric == "learning_rate" || metric == "gradient_norm_total" ||
         metric == "accuracy" || metric == "f1" || metric.starts_with("eval_") || metric.starts_with("eval/");
}

bool is_log_row(const Observation& row) {
  return row.kind == ObservationKind::row &&
         std::any_of(row.samples.begin(), row.samples.end(),
                     [](const Sample& sample) { return is_log_metric(sample.metric); });
}

/// For each row of the file, how many log rows there are up to and with it. Where nothing carries a name we
/// know, every row counts.
std::vector<std::size_t> count_log_rows(const RecordedLog& log) {
  const bool none = std::none_of(log.rows.begin(), log.rows.end(), is_log_row);
  std::vector<std::size_t> counts;
  std::size_t count = 0;
  for (const Observation& row : log.rows) {
    const bool counted = none ? row.kind == ObservationKind::row : is_log_row(row);
    counts.push_back(count += counted ? 1 : 0);
  }
  return counts;
}

/// Number of the first log row at or after the onset; none when the log ends before it.
std::optional<std::size_t> onset_row(const RecordedLog& log, const std::vector<std::size_t>& counts,
                                     std::optional<std::int64_t> onset) {
  if (!onset) return std::nullopt;
  for (std::size_t i = 0; i < log.rows.size(); ++i) {
    const bool counted = counts[i] > (i == 0 ? 0 : counts[i - 1]);
    if (counted && log.rows[i].step >= *onset) return counts[i];
  }
  return std::nullopt;
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void count_class(Scorecard& score, const ScoredRun& run) {
  const RunClass run_class = run.label.run_class;
  if (run_class == RunClass::healthy) {
    ++score.healthy;
    if (run.alarmed()) ++(run.critical() ? score.healthy_critical : score.healthy_warning);
  } else if (run_class == RunClass::unclear) {
    ++score.unclear;
    score.unclear_alarmed += run.alarmed() ? 1 : 0;
  }
  for (ClassScore& each : score.classes) {
    if (each.run_class != run_class) continue;
    ++each.runs;
    const RuleHit* found = run.found();
    each.of_kind += found != nullptr ? 1 : 0;
    each.early += found != nullptr && found->delay && *found->delay < 0 ? 1 : 0;
    each.by_any += run.alarmed() ? 1 : 0;
    each.critical += run.critical() ? 1 : 0;
  }
}

void count_rules(std::map<std::string, RuleCost>& costs, const ScoredRun& run) {
  for (const RuleHit& hit : run.hits) {
    RuleCost& cost = costs[hit.rule];
    for (std::size_t i = 0; i < kBadClasses.size(); ++i)
      cost.found[i] += kBadClasses[i] == run.label.run_class ? 1 : 0;
    if (run.label.run_class == RunClass::unclear) ++cost.unclear;
    if (run.label.run_class == RunClass::healthy)
      ++(hit.severity == Severity::critical ? cost.healthy_critical : cost.healthy_warning);
  }
}

std::vector<RepositoryScore> by_repository(const std::vector<ScoredRun>& runs) {
  std::map<std::string, RepositoryScore> scores;
  bool named = false;
  for (const ScoredRun& run : runs) {
    if (!run.read() || run.label.run_class == RunClass::other) continue;
    RepositoryScore& score = scores[run.label.repository];
    named = named || !run.label.repository.empty();
    ++score.runs;
    score.false_alarms += run.label.run_class == RunClass::healthy && run.alarmed() ? 1 : 0;
    score.missed += is_bad(run.label.run_class) && run.found() == nullptr ? 1 : 0;
  }
  std::vector<RepositoryScore> sorted;
  if (!named) return sorted;
  for (auto& [name, score] : scores) {
    score.repository = name;
    sorted.push_back(score);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const RepositoryScore& a, const RepositoryScore& b) {
    return a.false_alarms + a.missed > b.false_alarms + b.missed;
  });
  return sorted;
}

}  // namespace

bool ScoredRun::critical() const {
  return std::any_of(hits.begin(), hits.end(),
                     [](const RuleHit& hit) { return hit.severity == Severity::critical; });
}

const RuleHit* ScoredRun::found() const {
  const auto first = std::find_if(hits.begin(), hits.end(), [](const RuleHit& hit) { return hit.of_kind; });
  return first == hits.end() ? nullptr : &*first;
}

bool RuleCost::fired() const {
  return healthy_critical + healthy_warning + unclear > 0 ||
         std::any_of(found.begin(), found.end(), [](std::size_t count) { return count > 0; });
}

ScoredRun score_run(const LabelledRun& label, const RecordedLog& log,
                    const std::vector<ReplayedTransition>& told, const std::vector<ScoredRule>& rules) {
  const auto finds_it = [&](const std::string& name) {
    return std::any_of(rules.begin(), rules.end(), [&](const ScoredRule& rule) {
      return rule.name == name &&
             std::find(rule.finds.begin(), rule.finds.end(), label.run_class) != rule.finds.end();
    });
  };
  ScoredRun run;
  run.label = label;
  const std::vector<std::size_t> counts = count_log_rows(log);
  run.log_rows = counts.empty() ? 0 : counts.back();
  const std::optional<std::size_t> onset = onset_row(log, counts, label.onset);
  for (const ReplayedTransition& each : told) {
    const Transition& transition = each.transition;
    if (transition.to != AlertState::firing || transition.severity < Severity::warning) continue;
    const auto known = std::find_if(run.hits.begin(), run.hits.end(),
                                    [&](const RuleHit& hit) { return hit.rule == transition.rule; });
    if (known != run.hits.end()) {
      known->severity = std::max(known->severity, transition.severity);
      continue;
    }
    RuleHit hit;
    hit.rule = transition.rule;
    hit.severity = transition.severity;
    hit.step = transition.step;
    hit.log_row = each.row < counts.size() ? counts[each.row] : run.log_rows;
    if (onset) hit.delay = static_cast<std::int64_t>(hit.log_row) - static_cast<std::int64_t>(*onset);
    if (run.log_rows > 0) hit.share = static_cast<double>(hit.log_row) / static_cast<double>(run.log_rows);
    hit.of_kind = finds_it(hit.rule);
    run.hits.push_back(std::move(hit));
  }
  return run;
}

Scorecard score_runs(std::vector<ScoredRun> runs, const std::vector<ScoredRule>& rules) {
  Scorecard score;
  for (std::size_t i = 0; i < kBadClasses.size(); ++i) score.classes[i].run_class = kBadClasses[i];
  std::map<std::string, RuleCost> costs;
  std::vector<double> delays;
  std::vector<double> ahead;
  for (const ScoredRun& run : runs) {
    if (!run.read() || run.label.run_class == RunClass::other) continue;
    count_class(score, run);
    count_rules(costs, run);
    const RuleHit* found = is_bad(run.label.run_class) ? run.found() : nullptr;
    if (found == nullptr) continue;
    ahead.push_back(1.0 - found->share);
    if (found->delay) delays.push_back(static_cast<double>(*found->delay));
  }
  for (const ScoredRule& rule : rules) {
    RuleCost cost = costs[rule.name];
    cost.rule = rule.name;
    cost.kinds = rule.finds;
    score.rules.push_back(std::move(cost));
  }
  score.repositories = by_repository(runs);
  score.median_delay = median(std::move(delays));
  score.median_ahead = median(std::move(ahead));
  score.runs = std::move(runs);
  return score;
}

}  // namespace redflag::daemon
