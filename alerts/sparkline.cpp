#include "alerts/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace redflag::alerts {
namespace {

constexpr std::size_t kLevels = 8;

struct Glyphs {
  std::array<std::string_view, kLevels> levels;
  std::string_view nan, up, down;
};

constexpr Glyphs kUnicode{{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, "×", "↑", "↓"};
constexpr Glyphs kAscii{{"_", ".", ":", "-", "=", "+", "*", "#"}, "x", "^", "v"};

}  // namespace

std::string sparkline(std::span<const double> values, SparklineStyle style, std::size_t max_points) {
  if (values.size() > max_points) values = values.last(max_points);
  const Glyphs& glyphs = style == SparklineStyle::unicode ? kUnicode : kAscii;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Halves, because the difference of two doubles may overflow.
  const double half_range = high > low ? high / 2 - low / 2 : 0.0;
  std::string line;
  for (const double value : values) {
    if (std::isnan(value)) {
      line += glyphs.nan;
    } else if (std::isinf(value)) {
      line += value > 0 ? glyphs.up : glyphs.down;
    } else if (half_range <= 0.0) {
      line += glyphs.levels[kLevels / 2 - 1];
    } else {
      const double place = (value / 2 - low / 2) / half_range;
      const auto level = static_cast<std::size_t>(std::clamp(place, 0.0, 1.0) * (kLevels - 1) + 0.5);
      line += glyphs.levels[std::min(level, kLevels - 1)];
    }
  }
  return line;
}

}  // namespace redflag::alerts
