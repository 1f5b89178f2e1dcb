// The three tests differ only in estimate, standard error and degrees of freedom.
#include "daemon/statistics/t_test.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "daemon/statistics/student.h"

namespace redflag::statistics {
namespace {

TestResult none(Gap gap, std::size_t n, std::size_t m) {
  TestResult out;
  out.gap = gap;
  out.n = n;
  out.m = m;
  return out;
}

double probability(double t, double df, Alternative alternative) {
  switch (alternative) {
    case Alternative::greater:
      return t_above(t, df);
    case Alternative::less:
      return t_below(t, df);
    case Alternative::two_sided:
      break;
  }
  return std::min(1.0, 2 * t_above(std::fabs(t), df));
}

/// `shift` is what the estimate is held against.
TestResult finish(TestResult out, long double estimate, long double shift, long double error, long double df,
                  Alternative alternative, double confidence) {
  out.estimate = static_cast<double>(estimate);
  out.t = static_cast<double>((estimate - shift) / error);
  out.df = static_cast<double>(df);
  out.p = probability(out.t, out.df, alternative);
  const long double reach = error * t_quantile(0.5 + confidence / 2, out.df);
  out.interval = {static_cast<double>(estimate - reach), static_cast<double>(estimate + reach)};
  const bool holds = std::isfinite(out.estimate) && std::isfinite(out.t) && std::isfinite(out.df) &&
                     std::isfinite(out.p) && std::isfinite(out.interval.low) &&
                     std::isfinite(out.interval.high);
  if (!holds) return none(Gap::too_large, out.n, out.m);
  out.gap = Gap::none;
  return out;
}

}  // namespace

TestResult one_sample_t(std::span<const double> values, double bound, Alternative alternative,
                        double confidence) {
  const Moments found = moments(values);
  TestResult out = none(Gap::too_few, found.n, 0);
  if (found.nonfinite > 0 || !std::isfinite(bound)) return none(Gap::not_finite, found.n, 0);
  if (found.n < 2) return out;
  const long double error = std::sqrt(found.variance / static_cast<long double>(found.n));
  if (is_constant(error, std::fabs(found.mean))) return none(Gap::no_spread, found.n, 0);
  return finish(out, found.mean, bound, error, static_cast<long double>(found.n - 1), alternative,
                confidence);
}

TestResult welch_t(std::span<const double> first, std::span<const double> second, Alternative alternative,
                   double confidence) {
  const Moments a = moments(first);
  const Moments b = moments(second);
  TestResult out = none(Gap::too_few, a.n, b.n);
  if (a.nonfinite + b.nonfinite > 0) return none(Gap::not_finite, a.n, b.n);
  if (a.n < 2 || b.n < 2) return out;
  const long double of_a = a.variance / static_cast<long double>(a.n);
  const long double of_b = b.variance / static_cast<long double>(b.n);
  const long double error = std::sqrt(of_a + of_b);
  if (is_constant(error, std::max(std::fabs(a.mean), std::fabs(b.mean))))
    return none(Gap::no_spread, a.n, b.n);
  const long double share_a = of_a / (of_a + of_b);
  const long double share_b = of_b / (of_a + of_b);
  const long double df = 1 / (share_a * share_a / static_cast<long double>(a.n - 1) +
                              share_b * share_b / static_cast<long double>(b.n - 1));
  return finish(out, a.mean - b.mean, 0, error, df, alternative, confidence);
}

TestResult paired_t(std::span<const double> first, std::span<const double> second, Alternative alternative,
                    double confidence) {
  if (first.size() != second.size()) return none(Gap::unpaired, first.size(), second.size());
  const std::size_t n = first.size();
  TestResult out = none(Gap::too_few, n, n);
  const Moments a = moments(first);
  const Moments b = moments(second);
  if (a.nonfinite + b.nonfinite > 0) return none(Gap::not_finite, n, n);
  std::vector<double> differences;
  for (std::size_t i = 0; i < n; ++i) differences.push_back(first[i] - second[i]);
  const Moments found = moments(differences);
  if (found.nonfinite > 0) return none(Gap::too_large, n, n);
  if (n < 2) return out;
  const long double error = std::sqrt(found.variance / static_cast<long double>(n));
  // Differences carry the rounding of what they were made from.
  if (is_constant(error, std::max(a.largest, b.largest))) return none(Gap::no_spread, n, n);
  return finish(out, found.mean, 0, error, static_cast<long double>(n - 1), alternative, confidence);
}

std::size_t values_needed(const Description& found, double bound, double alpha) {
  if (!found.mean || !found.sd || *found.sd <= 0 || !(*found.mean > bound)) return 0;
  const double effect = (*found.mean - bound) / *found.sd;
  for (std::size_t n = std::max<std::size_t>(found.n + 1, 3); n <= 1000; ++n) {
    const double t = effect * std::sqrt(static_cast<double>(n));
    if (t_above(t, static_cast<double>(n - 1)) < alpha) return n;
  }
  return 0;
}

}  // namespace redflag::statistics
