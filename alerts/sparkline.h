// A curve in one line of text, for a phone and for a log.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace redflag::alerts {

enum class SparklineStyle {
  unicode,  ///< ▁▂▃▄▅▆▇█, × for NaN, ↑ and ↓ for the infinities
  ascii,    ///< _.:-=+*#, x for NaN, ^ and v for the infinities
};

/// The last `max_points` values, oldest first, one character each, scaled between the smallest and the
/// largest finite one. A constant series stands at mid-height. No values give "".
std::string sparkline(std::span<const double> values, SparklineStyle style = SparklineStyle::unicode,
                      std::size_t max_points = 32);

}  // namespace redflag::alerts
