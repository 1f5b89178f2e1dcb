// Exponential back-off with jitter, so that many pollers do not come back at the same moment.
#pragma once

#include <algorithm>
#include <cstdint>

#include "rules/values/time.h"

namespace redflag::daemon {

/// 1st failure: about `first`, doubled with each further one up to `longest`, times 0.75 … 1.25 by `random`
/// (its state is advanced: a minimal-standard generator).
inline Duration backoff_delay(unsigned failures, Duration first, Duration longest, std::uint32_t& random) {
  Duration delay = first;
  for (unsigned i = 1; i < failures && delay < longest; ++i) delay *= 2;
  random = static_cast<std::uint32_t>(std::uint64_t{random == 0 ? 1U : random} * 48271U % 2147483647U);
  return std::min(delay, longest) * (750 + random % 501) / 1000;
}

}  // namespace redflag::daemon
