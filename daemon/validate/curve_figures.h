// What a thinned curve still tells for sure. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "daemon/overview/evidence.h"

namespace redflag::daemon::validate {

/// The first point that is NaN or infinite; nullptr when all are numbers.
const CurvePoint* first_nonfinite(const Curve& curve);
/// Medians of the first and the last points: `count` of each, less when there are fewer. nullopt without a
/// finite one.
std::optional<double> early(const Curve& curve, std::size_t count);
std::optional<double> late(const Curve& curve, std::size_t count);
/// Lowest and highest of the last points.
std::optional<double> lowest_late(const Curve& curve, std::size_t count);
std::optional<double> highest_late(const Curve& curve, std::size_t count);
/// How many of the last points are not numbers.
std::size_t nonfinite_late(const Curve& curve, std::size_t count);

}  // namespace redflag::daemon::validate
