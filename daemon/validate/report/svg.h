// Small charts as inline SVG: 360 units wide, so that text keeps its size from a phone to a desktop's column.
// Colours are the page's classes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::validate {

/// From values to places. Logarithmic when asked for.
struct Scale {
  double low = 0, high = 1;  ///< values; high > low
  double from = 0, to = 1;   ///< places
  bool logarithmic = false;
  double at(double value) const;  ///< within [from, to], whatever the value
};

/// Three to six round numbers within the scale.
std::vector<double> ticks(const Scale& scale);
/// "0.25", "1,200", "2e-05".
std::string tick_words(double value);

class Svg {
 public:
  static constexpr double kWidth = 360;

  explicit Svg(double height) : height_(height) {}

  void line(std::string_view css, double x1, double y1, double x2, double y2);
  void rect(std::string_view css, double x, double y, double width, double height);
  /// `title` is raw; shown when pointed at, read by screen readers.
  void dot(std::string_view css, double x, double y, double radius, std::string_view title);
  void cross(std::string_view css, double x, double y, double size, std::string_view title);
  void triangle(std::string_view css, double x, double y, double size, std::string_view title);
  /// `anchor`: "start", "middle", "end". `raw` is escaped and cut.
  void text(std::string_view css, double x, double y, std::string_view anchor, std::string_view raw,
            std::size_t most = 60);
  /// Points of a broken line; where `y` is NaN it is interrupted.
  void path(std::string_view css, const std::vector<std::pair<double, double>>& points);
  /// Grid, ticks and labels of both axes.
  void axes(const Scale& x, const Scale& y, std::string_view x_name);
  void x_axis(const Scale& x, double y, std::string_view name);

  /// `id` is unique in the page; title and description are raw.
  std::string finish(std::string_view id, std::string_view title, std::string_view description) const;

 private:
  double height_;
  std::string body_;
};

}  // namespace redflag::daemon::validate
