#include "daemon/cli/log_curve.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/config/suggest.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMostNamed = 20;

/// Metrics that have points, with their number.
std::map<std::string, std::size_t> metrics_of(const RecordedLog& log) {
  std::map<std::string, std::size_t> metrics;
  for (const Observation& row : log.rows) {
    if (row.kind != ObservationKind::row) continue;
    for (const Sample& sample : row.samples) ++metrics[sample.metric];
  }
  return metrics;
}

bool begins_to_fire(const Transition& transition) {
  return transition.to == AlertState::firing &&
         (transition.from != AlertState::firing || transition.escalated_from.has_value());
}

std::string choose(const std::map<std::string, std::size_t>& metrics,
                   const std::vector<ReplayedTransition>& told) {
  if (metrics.contains("train_loss")) return "train_loss";
  for (const ReplayedTransition& each : told) {
    if (!begins_to_fire(each.transition)) continue;
    for (const Evidence& evidence : each.transition.evidence) {
      if (metrics.contains(evidence.metric)) return evidence.metric;
    }
  }
  if (metrics.contains("eval_loss")) return "eval_loss";
  const auto most = std::max_element(metrics.begin(), metrics.end(), [](const auto& a, const auto& b) {
    return a.first == "epoch" || (b.first != "epoch" && a.second < b.second);
  });
  return most == metrics.end() ? std::string() : most->first;
}

char sign_of(Severity severity) {
  if (severity == Severity::critical) return '!';
  return severity == Severity::warning ? '*' : '.';
}

}  // namespace

Result<std::string> draw_log(const RecordedLog& log, const std::vector<ReplayedTransition>& told,
                             const StepRange& range, std::string metric, const CurveOptions& options) {
  const std::map<std::string, std::size_t> metrics = metrics_of(log);
  if (metric.empty() && metrics.empty()) return std::string();
  if (metric.empty()) metric = choose(metrics, told);
  if (!metrics.contains(metric)) {
    if (metrics.empty()) return fail(ErrorCode::not_found, "drawing a curve", "the log has no curves");
    std::vector<std::string_view> names;
    names.reserve(metrics.size());
    for (const auto& [name, count] : metrics) names.push_back(name);
    const std::string_view meant = settings::nearest(metric, names);
    const bool more = names.size() > kMostNamed;
    if (more) names.resize(kMostNamed);
    return fail(ErrorCode::not_found, "drawing a curve",
                fmt::format("the log has no metric \"{}\"{}", metric,
                            meant.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", meant)),
                fmt::format("it has {}{}", fmt::join(names, ", "), more ? ", …" : ""));
  }
  const bool steps =
      std::any_of(log.rows.begin(), log.rows.end(), [](const Observation& row) { return row.step >= 0; });
  const auto place = [&](std::size_t row, std::int64_t step) {
    return steps ? step : static_cast<std::int64_t>(row) + 1;
  };

  std::vector<CurvePoint> points;
  for (std::size_t i = 0; i < log.rows.size(); ++i) {
    const Observation& row = log.rows[i];
    if (row.kind != ObservationKind::row || (steps && (row.step < 0 || !range.holds(row.step)))) continue;
    for (const Sample& sample : row.samples) {
      if (sample.metric == metric) points.push_back({place(i, row.step), sample.value});
    }
  }
  std::vector<CurveMark> marks;
  for (const auto& [transition, row] : told) {
    if (!begins_to_fire(transition) || (steps && !range.holds(transition.step))) continue;
    marks.push_back({place(std::min(row, log.rows.size() - 1), transition.step), transition.rule,
                     sign_of(transition.severity), transition.severity});
  }
  return draw_curve(steps ? metric : metric + " (over row numbers: the log has no steps)", points, marks,
                    options);
}

}  // namespace redflag::daemon
