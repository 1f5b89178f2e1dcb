// Figures of one list of values.
#include "daemon/statistics/description.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/statistics/student.h"

namespace redflag::statistics {

std::string_view to_string(Gap gap) {
  switch (gap) {
    case Gap::none:
      return "nothing is missing";
    case Gap::too_few:
      return "too few values";
    case Gap::no_spread:
      return "all values are the same";
    case Gap::not_finite:
      return "a value is not a number";
    case Gap::too_large:
      return "the values are too large to compute with";
    case Gap::unpaired:
      return "the values do not come in pairs";
  }
  return "unknown";
}

Moments moments(std::span<const double> values) {
  Moments out;
  out.n = values.size();
  long double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) ++out.nonfinite;
    sum += value;
    out.largest = std::max(out.largest, std::fabs(static_cast<long double>(value)));
  }
  if (out.nonfinite > 0 || out.n == 0) return out;
  out.mean = sum / static_cast<long double>(out.n);
  // The second pass takes out what the first one's rounding left.
  long double rest = 0;
  for (const double value : values) rest += value - out.mean;
  out.mean += rest / static_cast<long double>(out.n);
  if (out.n < 2) return out;
  for (const double value : values) {
    const long double distance = value - out.mean;
    out.variance += distance * distance;
  }
  out.variance /= static_cast<long double>(out.n - 1);
  return out;
}

bool is_constant(long double standard_error, long double magnitude) {
  return standard_error <= 10 * static_cast<long double>(std::numeric_limits<double>::epsilon()) * magnitude;
}

Description describe(std::span<const double> values, double confidence) {
  const Moments found = moments(values);
  Description out;
  out.n = found.n;
  out.nonfinite = found.nonfinite;
  if (found.nonfinite > 0) {
    out.gap = Gap::not_finite;
    return out;
  }
  out.gap = Gap::too_few;
  if (out.n == 0) return out;
  out.mean = static_cast<double>(found.mean);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  out.min = *low;
  out.max = *high;
  if (out.n < 2) return out;
  out.gap = Gap::none;
  const long double sd = std::sqrt(found.variance);
  const long double error = sd / std::sqrt(static_cast<long double>(out.n));
  if (is_constant(error, std::fabs(found.mean))) {
    out.sd = *low == *high ? 0.0 : static_cast<double>(sd);
    out.gap = Gap::no_spread;
    return out;
  }
  const long double reach = error * t_quantile(0.5 + confidence / 2, static_cast<double>(out.n - 1));
  const Interval interval{static_cast<double>(found.mean - reach), static_cast<double>(found.mean + reach)};
  if (!std::isfinite(static_cast<double>(sd))) {
    out.gap = Gap::too_large;
    return out;
  }
  out.sd = static_cast<double>(sd);
  if (std::isfinite(interval.low) && std::isfinite(interval.high)) {
    out.interval = interval;
  } else {
    out.gap = Gap::too_large;
  }
  return out;
}

}  // namespace redflag::statistics
