// A point of a curve, as it is read from the store, drawn and written.
#pragma once

#include <cstdint>

#include "rules/values/time.h"

namespace redflag::daemon {

struct CurvePoint {
  std::int64_t step = -1;
  double value = 0.0;  ///< may be NaN or infinite
  Time time;           ///< Time{}: not known
};

}  // namespace redflag::daemon
