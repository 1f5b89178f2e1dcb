// Scores, drift and timelines; loss curves are in loss_chart.cpp.
#include "daemon/validate/report/charts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/overview/task_scores.h"
#include "daemon/statistics/words.h"
#include "daemon/validate/report/html.h"
#include "daemon/validate/report/svg.h"

namespace redflag::daemon::validate {
namespace {

using statistics::score_words;

constexpr std::size_t kMostRows = 12;
constexpr std::size_t kMostDots = 200;
constexpr std::size_t kMostTableRows = 60;
constexpr double kLeft = 44;
constexpr double kRight = 348;

std::string_view state_css(StepCell::State state) {
  switch (state) {
    case StepCell::State::ok:
      return "ok";
    case StepCell::State::bad:
      return "bad";
    case StepCell::State::in_progress:
    case StepCell::State::unchecked:
      return "open";
  }
  return "open";
}

/// Lines of up to four methods, told apart by colour and dash.
std::string_view series_css(std::size_t index) {
  constexpr std::string_view kCss[] = {"s1", "s2", "s3", "s4"};
  return kCss[index % 4];
}

}  // namespace

Figure score_figure(std::string_view id, const TaskView& task) {
  std::vector<const MethodScores*> methods;
  for (const MethodScores& each : task.methods) {
    if (!each.scores.empty() && methods.size() < kMostRows) methods.push_back(&each);
  }
  if (methods.empty()) return {};
  const bool ranged = task.expected_max > 0;
  Scale x{ranged ? task.critical : 1.0, ranged ? task.expected_max : 0.0, 12, kRight};
  for (const MethodScores* method : methods) {
    for (const auto& one : method->scores) {
      if (!std::isfinite(one.value)) continue;
      x.low = std::min(x.low, one.value);
      x.high = std::max(x.high, one.value);
    }
  }
  if (!(x.high > x.low)) x.high = x.low + 0.1;
  const double room = 0.06 * (x.high - x.low);
  x.low -= room;
  x.high += room;
  const double bottom = 14 + 36 * static_cast<double>(methods.size());
  Svg svg(bottom + 20);
  if (ranged) {
    svg.rect("band", x.at(task.expected_min), 6, x.at(task.expected_max) - x.at(task.expected_min),
             bottom - 6);
    svg.line("limit", x.at(task.critical), 6, x.at(task.critical), bottom);
  }
  std::vector<std::vector<std::string>> rows;
  std::string said;
  double y = 22;
  for (const MethodScores* method : methods) {
    const std::string name = method->method.empty() ? "no method named" : method->method;
    svg.text("label", 12, y, "start", name, 40);
    y += 14;
    svg.line("grid", x.from, y, x.to, y);
    const bool trained = !is_baseline(method->method);
    std::size_t shown = 0;
    for (const auto& one : method->scores) {
      const std::string seed = one.seed ? fmt::format("seed {}", *one.seed) : "no seed";
      if (shown++ < kMostDots)
        svg.dot(trained ? "dot" : "dot base", x.at(one.value), y, 5,
                fmt::format("{}, {}: {}", name, seed, score_words(one.value)));
      if (rows.size() < kMostTableRows)
        rows.push_back({name, one.seed ? std::to_string(*one.seed) : "-", score_words(one.value), one.name});
    }
    said += fmt::format("{} {}: ", said.empty() ? "" : ";", name);
    for (std::size_t i = 0; i < std::min<std::size_t>(method->scores.size(), 6); ++i)
      said += (i == 0 ? "" : ", ") + score_words(method->scores[i].value);
    y += 22;
  }
  svg.x_axis(x, bottom, "");
  Figure out;
  const std::string title =
      fmt::format("{} {}: scores by method and seed", task_title(task.task), task.metric);
  const std::string range = ranged ? fmt::format("Expected {:.2f} to {:.2f}, critical below {:.2f}.",
                                                 task.expected_min, task.expected_max, task.critical)
                                   : std::string("No expected range is known.");
  out.svg = svg.finish(id, title, range + said);
  out.caption =
      fmt::format("<b>{} {}</b>. {}", escaped(task_title(task.task)), escaped(task.metric), escaped(range));
  out.table = table(title, {"method", ">seed", ">" + task.metric, "run"}, rows);
  return out;
}

Figure drift_figure(std::string_view id, std::string_view task, const std::vector<DriftPoint>& points) {
  std::map<std::string, std::vector<const DriftPoint*>> by_method;
  for (const DriftPoint& each : points) {
    if (std::isfinite(each.drift) && each.step >= 0) by_method[each.method].push_back(&each);
  }
  if (by_method.empty()) return {};
  Scale x{0, 1, kLeft, kRight};
  Scale y{0, 0, 150, 12};
  for (auto& [method, list] : by_method) {
    std::sort(list.begin(), list.end(), [](const auto* a, const auto* b) { return a->step < b->step; });
    x.high = std::max(x.high, static_cast<double>(list.back()->step));
    for (const DriftPoint* each : list) y.high = std::max(y.high, each->drift);
  }
  if (!(y.high > 0)) y.high = 1;
  y.high *= 1.05;
  Svg svg(196);
  svg.axes(x, y, "training step");
  std::vector<std::vector<std::string>> rows;
  std::string legend;
  std::string said;
  std::size_t index = 0;
  for (const auto& [method, list] : by_method) {
    const std::string_view css = series_css(index++);
    std::vector<std::pair<double, double>> line;
    for (const DriftPoint* each : list)
      line.emplace_back(x.at(static_cast<double>(each->step)), y.at(each->drift));
    svg.path(fmt::format("curve {}", css), line);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const DriftPoint& each = *list[i];
      const std::string where = each.layer.empty() ? "" : ", furthest " + each.layer;
      if (i < kMostDots)
        svg.dot(fmt::format("dot {}", css), line[i].first, line[i].second, 3,
                fmt::format("{}, step {}: {:.3g}{}", method, each.step, each.drift, where));
      if (rows.size() < kMostTableRows)
        rows.push_back({method, std::to_string(each.step), fmt::format("{:.4g}", each.drift), each.layer,
                        each.cka ? fmt::format("{:.4g}", *each.cka) : "-"});
    }
    legend += fmt::format(" <span class=\"key {}\">{}</span>", css, escaped(method));
    said += fmt::format(" {}: {:.3g} at step {}.", method, list.back()->drift, list.back()->step);
  }
  Figure out;
  const std::string title = fmt::format("{}: how far the representations have moved", task_title(task));
  out.svg =
      svg.finish(id, title, "Drift from the base model of the layer that moved furthest, by step." + said);
  out.caption = fmt::format("<b>{}</b>, drift from the base model, layer that moved furthest.{}",
                            escaped(task_title(task)), legend);
  out.table = table(title, {"method", ">step", ">drift", "layer", ">CKA (least)"}, rows);
  return out;
}

Figure timeline_figure(std::string_view id, std::string_view title, const std::vector<TimelineRow>& all) {
  std::vector<TimelineRow> shown(all.begin(),
                                 all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMostRows)));
  if (shown.empty()) return {};
  Scale x{0, 1, 12, kRight - 14};
  for (const TimelineRow& row : shown) {
    for (const StepCell& cell : row.cells) x.high = std::max(x.high, static_cast<double>(cell.step));
    for (const Mark& mark : row.marks) x.high = std::max(x.high, static_cast<double>(mark.step));
  }
  const double bottom = 10 + 44 * static_cast<double>(shown.size());
  Svg svg(bottom + 34);
  std::vector<std::vector<std::string>> rows;
  std::string said;
  double y = 20;
  for (const TimelineRow& row : shown) {
    svg.text("label", 12, y, "start", row.name, 48);
    y += 14;
    svg.line("grid", x.from, y, x.to, y);
    std::size_t bad = 0;
    std::size_t open = 0;
    std::set<std::int64_t> columns;
    for (const StepCell& cell : row.cells) {
      const bool is_bad = cell.state == StepCell::State::bad;
      bad += is_bad ? 1 : 0;
      open += cell.state == StepCell::State::unchecked || cell.state == StepCell::State::in_progress ? 1 : 0;
      // Thousands of steps share columns; what is wrong with one is always drawn.
      const double at = cell.step < 0 ? kRight - 4 : x.at(static_cast<double>(cell.step));
      const bool crowded = !columns.insert(std::llround(at / 2)).second;
      const std::string words = cell.step < 0 ? fmt::format("final: {}", to_string(cell.state))
                                              : fmt::format("step {}: {}", cell.step, to_string(cell.state));
      if (is_bad && bad <= kMostDots) {
        svg.cross("flag-line", at, y, 4, words + (cell.detail.empty() ? "" : ": " + cell.detail));
      } else if (!crowded) {
        svg.dot(state_css(cell.state), at, y, 3.5, words);
      }
    }
    for (std::size_t i = 0; i < std::min(row.missing.size(), kMostDots); ++i)
      svg.dot("missing", x.at(static_cast<double>(row.missing[i])), y, 3.5,
              fmt::format("step {}: missing", row.missing[i]));
    for (std::size_t i = 0; i < std::min<std::size_t>(row.marks.size(), 20); ++i) {
      const Mark& mark = row.marks[i];
      svg.triangle(mark.severity == Severity::critical ? "flag" : "flag warn",
                   x.at(static_cast<double>(mark.step)), y + 6, 4,
                   fmt::format("step {}: {}", mark.step, mark.words));
    }
    const std::string newest =
        row.cells.empty() || row.cells.back().step < 0 ? "-" : std::to_string(row.cells.back().step);
    rows.push_back({row.name, std::to_string(row.cells.size()), newest, std::to_string(row.missing.size()),
                    std::to_string(bad), std::to_string(open), std::to_string(row.marks.size())});
    said += fmt::format(" {}: {} there, {} missing, {} bad.", row.name, row.cells.size(), row.missing.size(),
                        bad);
    y += 30;
  }
  svg.x_axis(x, bottom, "training step");
  Figure out;
  out.svg = svg.finish(id, title, said);
  out.caption =
      fmt::format("<b>{}</b>.{}", escaped(title),
                  all.size() > shown.size() ? fmt::format(" {} of {} shown.", shown.size(), all.size()) : "");
  out.table = table(title, {"what", ">there", ">newest", ">missing", ">bad", ">not checked", ">flags"}, rows);
  return out;
}

}  // namespace redflag::daemon::validate
