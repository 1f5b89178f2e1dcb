// The plot is a grid of braille dots, two across and four down in each character: eight times the resolution
// of letters, in every terminal that knows UTF-8.
#include "daemon/cli/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"
#include "rules/values/utf8.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kLeastWidth = 24;
constexpr std::size_t kMostWidth = 400;
constexpr std::size_t kLeastHeight = 3;
constexpr std::size_t kMostHeight = 100;
constexpr std::size_t kMostLegendLines = 12;
constexpr std::size_t kTextUnits = 200;

constexpr std::string_view kRed = "\033[1;31m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kCyan = "\033[36m";

std::string_view color_of(Severity severity) {
  if (severity == Severity::critical) return kRed;
  return severity == Severity::warning ? kYellow : kCyan;
}

std::string painted(std::string text, std::string_view color, const CurveOptions& options) {
  if (!options.color || text.empty()) return text;
  return std::string(color) + text + "\033[0m";
}

/// From a value to its height, 0 (lowest) … 1 (highest).
struct Scale {
  double low = 0.0;
  double high = 0.0;
  bool log = false;

  bool flat() const { return low == high; }
  double height_of(double value) const {
    if (flat()) return 0.5;
    if (log) return (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low));
    return (value / 2 - low / 2) / (high / 2 - low / 2);  // halves: the difference itself may overflow
  }
  double value_at(double height) const {
    if (flat()) return low;
    if (log) return std::pow(10.0, std::log10(low) + height * (std::log10(high) - std::log10(low)));
    return low * (1.0 - height) + high * height;
  }
};

struct Extent {
  std::optional<Scale> scale;  ///< none: no finite value
  std::int64_t first_step = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_step = std::numeric_limits<std::int64_t>::min();
  std::size_t nonfinite = 0;

  void include(std::int64_t step) {
    first_step = std::min(first_step, step);
    last_step = std::max(last_step, step);
  }
};

Extent measure(const std::vector<CurvePoint>& points, const std::vector<CurveMark>& marks) {
  Extent extent;
  Scale scale{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), false};
  for (const CurvePoint& point : points) {
    extent.include(point.step);
    if (!std::isfinite(point.value)) {
      ++extent.nonfinite;
      continue;
    }
    scale.low = std::min(scale.low, point.value);
    scale.high = std::max(scale.high, point.value);
  }
  for (const CurveMark& mark : marks) {
    if (mark.step >= 0) extent.include(mark.step);
  }
  if (scale.low <= scale.high) {
    scale.log = scale.low > 0.0 && std::log10(scale.high) - std::log10(scale.low) > 3.0;
    extent.scale = scale;
  }
  return extent;
}

/// As many decimals as tell one row from the next; the same number in every label of a linear scale.
std::string label(const Scale& scale, double value, std::size_t rows) {
  if (scale.log || scale.flat()) return alerts::number_words(value);
  const double apart = (scale.high / 2 - scale.low / 2) / static_cast<double>(rows) * 2;
  const double largest = std::max(std::abs(scale.low), std::abs(scale.high));
  const int decimals = std::clamp(1 - static_cast<int>(std::floor(std::log10(apart))), 0, 400);
  if (largest >= 1e7 || decimals > 9) return fmt::format("{:.4g}", value);
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1) : text;
}

class Plot {
 public:
  Plot(const Extent& extent, std::size_t columns, std::size_t rows)
      : extent_(extent),
        columns_(columns),
        rows_(rows),
        dots_(columns * rows, 0),
        lone_(columns * rows, false),
        edge_(columns, ' ') {}

  void draw(const std::vector<CurvePoint>& points) {
    const CurvePoint* before = nullptr;  // the other end of the line, when there is one
    for (std::size_t i = 0; i < points.size(); ++i) {
      const CurvePoint& point = points[i];
      if (!std::isfinite(point.value)) {
        mark_edge(column_of(point.step), point.value);
        before = nullptr;
        continue;
      }
      if (before != nullptr && point.step < before->step) before = nullptr;
      const bool goes_on =
          i + 1 < points.size() && std::isfinite(points[i + 1].value) && points[i + 1].step >= point.step;
      if (before == nullptr && !goes_on) {
        lone_[cell(x_of(point.step) / 2, y_of(point.value) / 4)] = true;
      } else if (before == nullptr) {
        fill(x_of(point.step), y_of(point.value), y_of(point.value));
      } else {
        line(x_of(before->step), y_of(before->value), x_of(point.step), y_of(point.value));
      }
      before = &point;
    }
  }

  std::size_t column_of(std::int64_t step) const { return static_cast<std::size_t>(x_of(step)) / 2; }
  std::size_t row_of(double value) const { return static_cast<std::size_t>(y_of(value)) / 4; }
  const std::string& edge() const { return edge_; }

  std::string row(std::size_t row) const {
    std::string text;
    std::size_t blanks = 0;
    for (std::size_t column = 0; column < columns_; ++column) {
      const std::size_t at = row * columns_ + column;
      if (dots_[at] == 0 && !lone_[at]) {
        ++blanks;
        continue;
      }
      text.append(blanks, ' ');
      blanks = 0;
      // A dot that no line leads to is easily missed.
      append_utf8(text, lone_[at] ? U'•' : static_cast<char32_t>(0x2800 + dots_[at]));
    }
    return text;
  }

 private:
  std::size_t cell(int column, int row) const {
    return static_cast<std::size_t>(row) * columns_ + static_cast<std::size_t>(column);
  }

  /// Dots are counted from the left and from the top.
  int x_of(std::int64_t step) const {
    const double first = static_cast<double>(extent_.first_step);
    const double span = static_cast<double>(extent_.last_step) - first;
    if (!(span > 0.0)) return 0;
    const double last_dot = static_cast<double>(columns_ * 2 - 1);
    return static_cast<int>(
        std::lround(std::clamp((static_cast<double>(step) - first) / span, 0.0, 1.0) * last_dot));
  }
  int y_of(double value) const {
    const double last_dot = static_cast<double>(rows_ * 4 - 1);
    const double height = std::clamp(extent_.scale->height_of(value), 0.0, 1.0);
    return static_cast<int>(std::lround((1.0 - height) * last_dot));
  }

  void fill(int x, int y_from, int y_to) {
    static constexpr unsigned char kDot[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (y_from > y_to) std::swap(y_from, y_to);
    for (int y = y_from; y <= y_to; ++y) dots_[cell(x / 2, y / 4)] |= kDot[y % 4][x % 2];
  }

  void line(int x0, int y0, int x1, int y1) {
    if (x0 == x1) {
      fill(x0, y0, y1);
      return;
    }
    const double slope = static_cast<double>(y1 - y0) / (x1 - x0);
    const auto at = [&](double x) { return static_cast<int>(std::lround(y0 + slope * (x - x0))); };
    for (int x = x0; x <= x1; ++x)
      fill(x, at(std::max<double>(x - 0.5, x0)), at(std::min<double>(x + 0.5, x1)));
  }

  /// NaN says more than an infinity in the same column.
  void mark_edge(std::size_t column, double value) {
    if (std::isnan(value)) {
      edge_[column] = 'N';
    } else if (edge_[column] != 'N') {
      edge_[column] = value > 0 ? '^' : 'v';
    }
  }

  const Extent& extent_;
  std::size_t columns_;
  std::size_t rows_;
  std::vector<unsigned char> dots_;
  std::vector<bool> lone_;
  std::string edge_;
};

std::string title_line(const std::string& title, std::size_t points, const Extent& extent) {
  std::string text = alerts::escape_terminal(alerts::cut(title, kTextUnits));
  if (points == 0) return text + ": no points to draw";
  text += fmt::format("{}{} point{}", text.empty() ? "" : "  ", points, points == 1 ? "" : "s");
  if (extent.scale && extent.scale->log) text += ", log scale";
  if (extent.nonfinite > 0) text += fmt::format(", {} not finite", extent.nonfinite);
  return text;
}

/// First step at the left, last at the right, one in the middle when there is room.
std::string step_labels(const Extent& extent, std::size_t columns, std::string_view along) {
  std::string first = fmt::format("{} {}", along, extent.first_step);
  if (extent.first_step == extent.last_step) return first;
  const std::string last = fmt::format("{}", extent.last_step);
  const auto half = static_cast<std::int64_t>(
      std::floor(static_cast<double>(extent.first_step) / 2 + static_cast<double>(extent.last_step) / 2));
  const std::string middle = fmt::format("{}", half);
  std::string line(std::max(columns, first.size() + 2 + last.size()), ' ');
  line.replace(0, first.size(), first);
  line.replace(line.size() - last.size(), last.size(), last);
  const std::size_t at = columns / 2 - std::min(columns / 2, middle.size() / 2);
  const bool apart = half > extent.first_step && half < extent.last_step;
  if (apart && at >= first.size() + 2 && at + middle.size() + 2 + last.size() <= columns)
    line.replace(at, middle.size(), middle);
  return line;
}

/// The signs under the axis; in a column with several the most severe is seen.
std::string sign_line(const std::vector<CurveMark>& marks, const Plot& plot, std::size_t columns,
                      const CurveOptions& options) {
  std::vector<const CurveMark*> seen(columns, nullptr);
  bool any = false;
  for (const CurveMark& mark : marks) {
    if (mark.step < 0) continue;
    const CurveMark*& place = seen[plot.column_of(mark.step)];
    if (place == nullptr || mark.severity > place->severity) place = &mark;
    any = true;
  }
  if (!any) return {};
  std::string text;
  std::size_t blanks = 0;
  for (const CurveMark* mark : seen) {
    if (mark == nullptr) {
      ++blanks;
      continue;
    }
    text.append(blanks, ' ');
    blanks = 0;
    const char sign = mark->sign > ' ' && mark->sign < 0x7f ? mark->sign : '!';
    text += painted(std::string(1, sign), color_of(mark->severity), options);
  }
  return text;
}

std::string legend(const std::vector<CurveMark>& marks, const CurveOptions& options) {
  std::string text;
  for (std::size_t i = 0; i < marks.size() && i < kMostLegendLines; ++i) {
    const CurveMark& mark = marks[i];
    const char sign = mark.sign > ' ' && mark.sign < 0x7f ? mark.sign : '!';
    const std::string where = mark.step < 0 ? "step unknown" : fmt::format("step {}", mark.step);
    const std::string line =
        fmt::format("{} {} {} {}", sign, where, alerts::escape_terminal(alerts::cut(mark.text, kTextUnits)),
                    to_string(mark.severity));
    text += "  " + painted(line, color_of(mark.severity), options) + "\n";
  }
  if (marks.size() > kMostLegendLines)
    text += fmt::format("  … and {} more\n", marks.size() - kMostLegendLines);
  return text;
}

}  // namespace

std::string draw_curve(const std::string& title, const std::vector<CurvePoint>& points,
                       const std::vector<CurveMark>& marks, const CurveOptions& options) {
  const Extent extent = measure(points, marks);
  std::string text = title_line(title, points.size(), extent) + "\n";
  if (points.empty()) return text + legend(marks, options);

  const std::size_t rows = extent.scale ? std::clamp(options.height, kLeastHeight, kMostHeight) : 0;
  std::vector<std::string> labels(rows);
  if (extent.scale && extent.scale->flat()) {
    labels[static_cast<std::size_t>(std::lround(0.5 * static_cast<double>(rows * 4 - 1))) / 4] =
        label(*extent.scale, extent.scale->low, rows);
  } else {
    for (std::size_t row = 0; row < rows; ++row) {
      const bool shown = row == 0 || row + 1 == rows || (row % 3 == 0 && row + 2 < rows);
      const double height = 1.0 - static_cast<double>(row) / static_cast<double>(rows - 1);
      if (shown) labels[row] = label(*extent.scale, extent.scale->value_at(height), rows);
    }
  }
  const std::string edge_label = extent.nonfinite > 0 ? "NaN/Inf" : "";
  std::size_t margin = edge_label.size();
  for (const std::string& each : labels) margin = std::max(margin, each.size());

  const std::size_t width = std::clamp(options.width, kLeastWidth, kMostWidth);
  const std::size_t columns = std::max<std::size_t>(width - std::min(width, margin + 2), 8);
  Plot plot(extent, columns, std::max<std::size_t>(rows, 1));
  plot.draw(points);

  if (extent.nonfinite > 0) {
    std::string edge = plot.edge();
    edge.erase(edge.find_last_not_of(' ') + 1);
    text += fmt::format("{:>{}} ┆{}\n", edge_label, margin, painted(edge, kRed, options));
  }
  for (std::size_t row = 0; row < rows; ++row) {
    text += fmt::format("{:>{}} {}{}\n", labels[row], margin, labels[row].empty() ? "│" : "┤",
                        painted(plot.row(row), kCyan, options));
  }
  std::string rule;
  for (std::size_t i = 0; i < columns; ++i) rule += "─";
  text += fmt::format("{:>{}} └{}\n", "", margin, rule);
  const std::string signs = sign_line(marks, plot, columns, options);
  if (!signs.empty()) text += fmt::format("{:>{}}  {}\n", "", margin, signs);
  text += fmt::format("{:>{}}  {}\n", "", margin, step_labels(extent, columns, options.along));
  if (!extent.scale) text += "no finite value\n";
  return text + legend(marks, options);
}

}  // namespace redflag::daemon
