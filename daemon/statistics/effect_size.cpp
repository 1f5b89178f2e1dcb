// Cohen 1988, Hedges 1981.
#include "daemon/statistics/effect_size.h"

#include <cmath>
#include <vector>

#include "daemon/statistics/description.h"

namespace redflag::statistics {
namespace {

std::optional<double> finite(long double value) {
  const auto out = static_cast<double>(value);
  return std::isfinite(out) ? std::optional(out) : std::nullopt;
}

std::optional<long double> raw_d(const Moments& a, const Moments& b) {
  if (a.nonfinite + b.nonfinite > 0 || a.n < 2 || b.n < 2) return std::nullopt;
  const auto df = static_cast<long double>(a.n + b.n - 2);
  const long double pooled = std::sqrt(
      (static_cast<long double>(a.n - 1) * a.variance + static_cast<long double>(b.n - 1) * b.variance) / df);
  if (is_constant(pooled, std::max(std::fabs(a.mean), std::fabs(b.mean)))) return std::nullopt;
  return (a.mean - b.mean) / pooled;
}

}  // namespace

std::optional<double> cohen_d(std::span<const double> first, std::span<const double> second) {
  const auto d = raw_d(moments(first), moments(second));
  return d ? finite(*d) : std::nullopt;
}

std::optional<double> hedges_g(std::span<const double> first, std::span<const double> second) {
  const auto d = raw_d(moments(first), moments(second));
  if (!d) return std::nullopt;
  const auto df = static_cast<long double>(first.size() + second.size() - 2);
  const long double factor = std::exp(std::lgamma(df / 2) - std::lgamma((df - 1) / 2)) / std::sqrt(df / 2);
  return finite(*d * factor);
}

std::optional<double> d_z(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size()) return std::nullopt;
  const Moments a = moments(first);
  const Moments b = moments(second);
  if (a.nonfinite + b.nonfinite > 0) return std::nullopt;
  std::vector<double> differences;
  for (std::size_t i = 0; i < first.size(); ++i) differences.push_back(first[i] - second[i]);
  const Moments found = moments(differences);
  const long double sd = std::sqrt(found.variance);
  if (found.n < 2 || found.nonfinite > 0 || is_constant(sd, std::max(a.largest, b.largest)))
    return std::nullopt;
  return finite(found.mean / sd);
}

std::optional<double> d_of_bound(std::span<const double> values, double bound) {
  const Moments found = moments(values);
  const long double sd = std::sqrt(found.variance);
  const bool unknown = found.n < 2 || found.nonfinite > 0 || !std::isfinite(bound);
  if (unknown || is_constant(sd, std::fabs(found.mean))) return std::nullopt;
  return finite((found.mean - bound) / sd);
}

std::string_view size_word(double effect) {
  const double size = std::fabs(effect);
  if (size < 0.2) return "negligible";
  if (size < 0.5) return "small";
  if (size < 0.8) return "medium";
  return size < 1.2 ? "large" : "very large";
}

}  // namespace redflag::statistics
