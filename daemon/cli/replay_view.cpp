#include "daemon/cli/replay_view.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "alerts/log/log_line.h"
#include "alerts/text/escape.h"
#include "daemon/cli/log_curve.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kWidestCurve = 100;

bool worth_showing(const Transition& transition, bool all) {
  if (all) return true;
  const bool told = transition.to == AlertState::firing || transition.from == AlertState::firing;
  return told && transition.to != AlertState::inactive;
}

bool has_steps(const RecordedLog& log) {
  return std::any_of(log.rows.begin(), log.rows.end(), [](const Observation& row) { return row.step >= 0; });
}

bool is_limited(const StepRange& range) {
  return range.from != StepRange{}.from || range.to != StepRange{}.to;
}

}  // namespace

bool ReplayView::show(const std::string& path, const RecordedLog& log,
                      const std::vector<ReplayedTransition>& told) {
  alerts::RunContext context;
  context.key = log.run.key;
  context.name = log.run.name;
  context.task = log.run.task;
  context.method = log.run.method;
  if (log.run.seed) context.seed = std::to_string(*log.run.seed);
  const bool steps = has_steps(log);
  if (!options_.json) {
    show_header(path, log);
    if (steps) show_standing(told);
  }
  bool any = false;
  for (const auto& [transition, row] : told) {
    if (steps && !options_.range.holds(transition.step)) continue;
    if (transition.to == AlertState::firing) {
      // One alert, by the worst it became.
      const auto [counted, first] = counted_.emplace(transition.id, transition.severity);
      if (!first) --fired_[counted->second];
      counted->second = transition.severity;
      ++fired_[transition.severity];
    }
    if (!worth_showing(transition, options_.all)) continue;
    any = true;
    if (options_.json) {
      fmt::print("{}\n", alerts::transition_json(transition, &context));
    } else {
      fmt::print("  {}\n", alerts::transition_line(transition, &context));
    }
  }
  if (options_.json) return true;
  if (!any && !log.rows.empty()) fmt::print("  no flag\n");
  if (!options_.curve) return true;
  const CurveOptions curve{std::min(options_.terminal.width, kWidestCurve), 10, options_.terminal.color};
  const Result<std::string> drawing = draw_log(log, told, options_.range, options_.metric, curve);
  if (drawing) {
    if (!drawing->empty()) fmt::print("\n{}", *drawing);
    return true;
  }
  fmt::print(stderr, "redflag replay: {}: {}\n", alerts::escape_terminal(path),
             alerts::escape_terminal(drawing.error().text()));
  return false;
}

void ReplayView::show_header(const std::string& path, const RecordedLog& log) const {
  fmt::print("{}: {}, {} rows{}\n", alerts::escape_terminal(path), log.format, log.rows.size(),
             log.rows.empty() && log.said.empty() ? ": nothing to judge" : "");
  for (const std::string& note : log.notes) fmt::print("  note: {}\n", alerts::escape_terminal(note));
  if (is_limited(options_.range) && !has_steps(log) && !log.rows.empty())
    fmt::print("  note: the log has no steps, so --from and --to leave nothing out\n");
}

/// What had fired before the range and was still on where it begins would be missed otherwise.
void ReplayView::show_standing(const std::vector<ReplayedTransition>& told) const {
  std::map<std::string, const Transition*> standing;  // by alert
  for (const auto& [transition, row] : told) {
    if (transition.step >= options_.range.from) continue;
    if (transition.to == AlertState::firing) {
      standing[transition.id] = &transition;
    } else {
      standing.erase(transition.id);
    }
  }
  for (const auto& [id, transition] : standing) {
    fmt::print("  before step {}: {} had been firing since step {} ({})\n", options_.range.from,
               alerts::escape_terminal(transition->rule), transition->step, to_string(transition->severity));
  }
}

void ReplayView::show_totals(std::size_t files, std::size_t unreadable) {
  if (options_.json) return;
  fmt::print("\n{} file(s) replayed, {} could not be read; fired: {} critical, {} warning, {} info\n", files,
             unreadable, fired_[Severity::critical], fired_[Severity::warning], fired_[Severity::info]);
}

}  // namespace redflag::daemon
