// A run's losses. The curve arrives thinned so that no spike is lost; here each column of the picture keeps
// its lowest and highest, so none is lost either, and the size of the page is bounded whatever the run
// logged.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "daemon/validate/report/charts.h"
#include "daemon/validate/report/html.h"
#include "daemon/validate/report/svg.h"

namespace redflag::daemon::validate {
namespace {

constexpr double kColumns = 150;
constexpr std::size_t kMostMarks = 12;
constexpr std::size_t kTableRows = 12;
constexpr double kTop = 20;

const Curve* find(const RunEvidence& curves, std::string_view metric) {
  for (const Curve& each : curves.curves) {
    if (each.metric == metric && !each.points.empty()) return &each;
  }
  return nullptr;
}

void widen(const Curve* curve, Scale& x, Scale& y) {
  if (curve == nullptr) return;
  for (const CurvePoint& point : curve->points) {
    x.high = std::max(x.high, static_cast<double>(point.step));
    if (!std::isfinite(point.value)) continue;
    y.low = std::min(y.low, point.value);
    y.high = std::max(y.high, point.value);
  }
}

std::vector<std::pair<double, double>> thinned(const Curve& curve, const Scale& x, const Scale& y) {
  struct Column {
    double low = 0, high = 0;
    bool rising = false, empty = true;
  };
  std::map<int, Column> columns;
  for (const CurvePoint& point : curve.points) {
    if (!std::isfinite(point.value)) continue;
    const double share = (x.at(static_cast<double>(point.step)) - x.from) / (x.to - x.from);
    Column& column = columns[static_cast<int>(share * kColumns)];
    if (column.empty || point.value < column.low) {
      column.low = point.value;
      column.rising = column.empty;
    }
    if (column.empty || point.value > column.high) {
      column.high = point.value;
      column.rising = true;
    }
    column.empty = false;
  }
  std::vector<std::pair<double, double>> out;
  for (const auto& [index, column] : columns) {
    const double at = x.from + (static_cast<double>(index) + 0.5) / kColumns * (x.to - x.from);
    out.emplace_back(std::min(at, x.to), y.at(column.rising ? column.low : column.high));
    if (column.low != column.high)
      out.emplace_back(std::min(at, x.to), y.at(column.rising ? column.high : column.low));
  }
  return out;
}

/// The point of the curve at or next before a step; NaN when there is none.
double value_at(const Curve* curve, std::int64_t step) {
  double out = NAN;
  if (curve == nullptr) return out;
  for (const CurvePoint& point : curve->points) {
    if (point.step > step) break;
    out = point.value;
  }
  return out;
}

std::string number(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}", value);
}

}  // namespace

Figure loss_figure(std::string_view id, const RunView& run, const RunEvidence& curves,
                   const std::vector<Mark>& marks) {
  const Curve* train = find(curves, "train_loss");
  const Curve* eval = find(curves, "eval_loss");
  if (train == nullptr && eval == nullptr) return {};
  Scale x{0, 1, 44, 348};
  Scale y{HUGE_VAL, -HUGE_VAL, 170, kTop};
  widen(train, x, y);
  widen(eval, x, y);
  if (!(y.high >= y.low)) y.low = 0, y.high = 1;
  y.logarithmic = y.low > 0 && y.high / y.low > 50;
  if (!y.logarithmic) {
    y.low = y.low >= 0 ? 0 : y.low;
    y.high = y.high > y.low ? y.high + 0.05 * (y.high - y.low) : y.low + 1;
    if (!std::isfinite(y.high)) y.high = 1.7e308;
  }
  Svg svg(214);
  svg.axes(x, y, "training step");
  if (train != nullptr) svg.path("curve train", thinned(*train, x, y));
  if (eval != nullptr) {
    svg.path("curve eval", thinned(*eval, x, y));
    if (eval->points.size() <= 60) {
      for (const CurvePoint& point : eval->points) {
        if (std::isfinite(point.value))
          svg.dot("dot eval", x.at(static_cast<double>(point.step)), y.at(point.value), 2.5,
                  fmt::format("eval_loss {:.4g} at step {}", point.value, point.step));
      }
    }
  }
  std::size_t nonfinite = 0;
  std::int64_t first_nonfinite = -1;
  for (const Curve* curve : {train, eval}) {
    if (curve == nullptr) continue;
    for (const CurvePoint& point : curve->points) {
      if (std::isfinite(point.value)) continue;
      if (nonfinite++ == 0) first_nonfinite = point.step;
      if (nonfinite <= 40)
        svg.cross("flag-line", x.at(static_cast<double>(point.step)), 10, 3.5,
                  fmt::format("{} is not a number at step {}", curve->metric, point.step));
    }
  }
  std::string notes;
  for (std::size_t i = 0; i < std::min(marks.size(), kMostMarks); ++i) {
    const Mark& mark = marks[i];
    if (mark.step < 0) continue;
    const double at = x.at(static_cast<double>(mark.step));
    const char* css = mark.severity == Severity::critical ? "flag" : "flag warn";
    // At the flagged point of the curve, where there is one.
    const double value = value_at(train != nullptr ? train : eval, mark.step);
    svg.line("flag-rule", at, kTop, at, y.from);
    if (std::isfinite(value))
      svg.dot(css, at, y.at(value), 4, fmt::format("step {}: {}", mark.step, mark.words));
    svg.triangle(css, at, y.from - 8, 4, fmt::format("step {}: {}", mark.step, mark.words));
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(marks.size(), 6); ++i)
    notes += fmt::format("<li>{}{}</li>", marks[i].step >= 0 ? fmt::format("step {}: ", marks[i].step) : "",
                         escaped(marks[i].words, 200));

  std::vector<std::vector<std::string>> rows;
  const Curve& longest = train != nullptr ? *train : *eval;
  const std::size_t every = std::max<std::size_t>(1, longest.points.size() / kTableRows);
  for (std::size_t i = 0; i < longest.points.size(); i += every) {
    const std::int64_t step = longest.points[i].step;
    rows.push_back({std::to_string(step), number(value_at(train, step)), number(value_at(eval, step))});
  }
  const std::string name = run.info.name.empty() ? run.info.key : run.info.name;
  std::string said =
      fmt::format("{} points of train_loss, {} of eval_loss{}.", train == nullptr ? 0 : train->points_total,
                  eval == nullptr ? 0 : eval->points_total, y.logarithmic ? ", logarithmic scale" : "");
  if (train != nullptr)
    said += fmt::format(" train_loss {} at first, {} at last.", number(train->points.front().value),
                        number(train->points.back().value));
  if (nonfinite > 0)
    said += fmt::format(" {} values are not numbers, the first at step {}.", nonfinite, first_nonfinite);
  Figure out;
  out.svg = svg.finish(id, "Losses of " + name, said + fmt::format(" {} flags.", marks.size()));
  out.caption = fmt::format(
      "<b>{}</b> <span class=\"state\">{}</span>{}{}", escaped(name), escaped(to_string(run.info.state)),
      nonfinite > 0 ? fmt::format(" <span class=\"bad-word\">{} not a number</span>", nonfinite) : "",
      y.logarithmic ? " (logarithmic)" : "");
  if (!notes.empty()) out.caption += "<ul class=\"notes\">" + notes + "</ul>";
  out.table = table("Losses of " + name, {">step", ">train_loss", ">eval_loss"}, rows);
  return out;
}

}  // namespace redflag::daemon::validate
