// A metric's curve drawn with characters, for a person at a terminal: where it went, and where the rules
// spoke.
//
// Nothing is averaged: points that share a column are shown from their lowest to their highest, so a spike of
// one row in a million is seen. NaN and infinities have a row of their own above the plot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/overview/curve_point.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

/// Drawn below the curve, at its step, and explained in a line of the legend: "! step 310 loss-diverged
/// critical".
struct CurveMark {
  std::int64_t step = 0;  ///< below 0: not known, in the legend only
  std::string text;
  char sign = '!';
  Severity severity = Severity::warning;
};

struct CurveOptions {
  std::size_t width = 72;   ///< of the whole drawing, in columns; less than 24 counts as 24
  std::size_t height = 10;  ///< rows of the plot itself; less than 3 counts as 3
  bool color = false;
  std::string_view along = "step";  ///< what the axis counts
};

/// NaN and the infinities are marked on the upper edge. Lines of UTF-8, each ended by '\n'. Points are taken
/// in their order; where the step goes back (a resumed run) the line is broken. The scale is logarithmic, and
/// says so, when all values are above 0 and span more than three decades. Title and texts may hold anything:
/// what could reach the terminal is escaped.
std::string draw_curve(const std::string& title, const std::vector<CurvePoint>& points,
                       const std::vector<CurveMark>& marks, const CurveOptions& options);

}  // namespace redflag::daemon
