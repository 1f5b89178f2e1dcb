// Waiting, as arithmetic: exponential back-off with jitter, and a token bucket. Time comes in as arguments.
#pragma once

#include <cstdint>
#include <random>

#include "rules/values/time.h"

namespace redflag::alerts {

/// `first` × 2^(attempt - 1), at most `cap`, then spread by up to a fifth either way (still at most `cap`),
/// so that what failed together does not come back together. `attempt` counts from 1.
Duration backoff(std::uint32_t attempt, Duration first, Duration cap, std::mt19937_64& random);

/// Lets through `per_second` on average and up to `burst` at once. `per_second` <= 0: no limit.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst);
  bool take(Time now);
  /// When `take` can next succeed; `now` or earlier when it can already.
  Time ready_at(Time now) const;
  /// The clock was set back by `by`.
  void clock_went_back(Duration by);

 private:
  double tokens_at(Time now) const;
  double per_second_;
  double burst_;
  double tokens_;
  Time last_;
};

}  // namespace redflag::alerts
