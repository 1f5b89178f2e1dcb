// Is an average really above a bound, are two averages really apart, or may it be luck? Student's t-tests.
// Pure.
#pragma once

#include <cstddef>
#include <span>

#include "daemon/statistics/description.h"

namespace redflag::statistics {

/// What is to be shown.
enum class Alternative {
  two_sided,  ///< it differs
  greater,    ///< it is above the bound, or the first above the second
  less,
};

struct TestResult {
  Gap gap = Gap::too_few;    ///< none: all below is known; else none of it
  std::size_t n = 0, m = 0;  ///< values of the first and the second list; m = 0 where there is one
  double estimate = 0.0;     ///< average, or difference of averages (first - second)
  double t = 0.0, df = 0.0;
  double p = 1.0;     ///< how often chance alone would give as much, or more
  Interval interval;  ///< two-sided, of the estimate

  bool known() const { return gap == Gap::none; }
};

/// The average against a bound. Two values at least, that differ.
TestResult one_sample_t(std::span<const double> values, double bound, Alternative alternative,
                        double confidence = 0.95);

/// Averages of two independent lists whose spreads may differ (Welch, with Satterthwaite's degrees of
/// freedom). Two values at least of each.
TestResult welch_t(std::span<const double> first, std::span<const double> second, Alternative alternative,
                   double confidence = 0.95);

/// Averages of two lists whose values belong together one by one (the same seeds). Two pairs at least, whose
/// differences are not all the same.
TestResult paired_t(std::span<const double> first, std::span<const double> second, Alternative alternative,
                    double confidence = 0.95);

/// How many values like these would show the average to be above the bound at `alpha`, one-sided, if average
/// and spread stayed what they are: above `n`, at most 1,000; 0 when no number would (the average is not
/// above the bound), or nothing can be said.
std::size_t values_needed(const Description& found, double bound, double alpha);

}  // namespace redflag::statistics
