// How long to wait before trying again: exponential back-off with full jitter, so that many clients that
// failed together do not come back together.
#pragma once

#include <random>

#include "rules/values/time.h"

namespace redflag::daemon {

struct BackoffSettings {
  Duration first = std::chrono::seconds{1};            ///< upper limit of the first wait; > 0
  Duration longest = std::chrono::minutes{5};          ///< upper limit of every wait; ≥ first
  Duration shortest = std::chrono::milliseconds{100};  ///< lower limit of every wait; ≤ first
};

class Backoff {
 public:
  /// `random` must outlive this; share one seeded generator among all.
  Backoff(BackoffSettings settings, std::mt19937_64& random);

  /// The wait after one more failure: uniform between `shortest` and min(longest, first × 2^failures), and
  /// never less than `at_least` (what the server asked for, which may exceed `longest`).
  Duration next(Duration at_least = Duration{0});
  /// After a success.
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  BackoffSettings settings_;
  std::mt19937_64* random_;
  int failures_ = 0;
};

}  // namespace redflag::daemon
