// What a handful of numbers says of itself: average, spread, and where the true average is likely to lie.
// Pure. For scores over seeds: few values, so the t distribution and never the normal one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace redflag::statistics {

/// Why there is no answer. A value that is not finite is never left out in silence: it makes the answer
/// unknown.
enum class Gap {
  none,
  too_few,     ///< fewer values than the figure needs
  no_spread,   ///< all values are the same (but for rounding): no test can be made of them
  not_finite,  ///< NaN or an infinity among them
  too_large,   ///< finite values whose result no double can hold
  unpaired,    ///< a paired test of two lists of different length
};
/// "too few values", …: a phrase that can follow "not computed: ".
std::string_view to_string(Gap gap);

struct Interval {
  double low = 0.0, high = 0.0;
};

struct Description {
  std::size_t n = 0;
  std::size_t nonfinite = 0;             ///< when above 0, all figures below are unknown
  std::optional<double> mean, min, max;  ///< from one value on
  std::optional<double> sd;              ///< sample standard deviation (n - 1), from two values on
  /// Two-sided t interval of the mean, from two values on; none when they do not differ, for a width of 0
  /// would claim a certainty that nobody has.
  std::optional<Interval> interval;
  Gap gap = Gap::none;  ///< why sd or interval are not there
};

/// `confidence` within (0, 1).
Description describe(std::span<const double> values, double confidence = 0.95);

/// Mean and sample variance over two passes, in extended precision so that neither huge nor nearly equal
/// values spoil them. For the tests beside this file.
struct Moments {
  std::size_t n = 0;
  std::size_t nonfinite = 0;
  long double mean = 0, variance = 0;  ///< variance: 0 below two values
  long double largest = 0;             ///< of the absolute values
};
Moments moments(std::span<const double> values);

/// The spread is no more than what rounding makes of equal values (R's own criterion: "data are essentially
/// constant").
bool is_constant(long double standard_error, long double magnitude);

}  // namespace redflag::statistics
