// How large a difference is, beside whether it is one: differences in units of their spread. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace redflag::statistics {

// All: nullopt when there are too few values, the spread is 0, or a value is not finite.

/// Difference of the averages over the pooled standard deviation. Two values at least of each.
std::optional<double> cohen_d(std::span<const double> first, std::span<const double> second);

/// Cohen's d without its upward bias in small samples (the exact factor of Hedges 1981, not its
/// approximation). Three values at least in all, two of each.
std::optional<double> hedges_g(std::span<const double> first, std::span<const double> second);

/// Average difference of pairs over the standard deviation of the differences.
std::optional<double> d_z(std::span<const double> first, std::span<const double> second);

/// (average - bound) over the standard deviation.
std::optional<double> d_of_bound(std::span<const double> values, double bound);

/// "negligible", "small", "medium", "large", "very large": Cohen's borders 0.2, 0.5, 0.8, and
/// Sawilowsky's 1.2.
std::string_view size_word(double effect);

}  // namespace redflag::statistics
