// Several tests at once: with four tasks the chance that one of them is "significant" by luck is four times
// as high. Holm 1979 corrects for it; it asks less than Bonferroni and promises the same. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace redflag::statistics {

/// Adjusted p-values, in the order given: each can be held against alpha as it stands, and the chance that
/// even one of those below it is there by luck stays below alpha. A p that is not known (nullopt, NaN) stays
/// so and does not count as a test, as in R's p.adjust. Adjusted values are at least the given ones, at most
/// 1, and keep their order.
std::vector<std::optional<double>> holm(std::span<const std::optional<double>> p);

}  // namespace redflag::statistics
