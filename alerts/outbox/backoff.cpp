#include "alerts/outbox/backoff.h"

#include <algorithm>
#include <cmath>

namespace redflag::alerts {

Duration backoff(std::uint32_t attempt, Duration first, Duration cap, std::mt19937_64& random) {
  Duration wait = std::min(first, cap);
  for (std::uint32_t i = 1; i < attempt && wait < cap; ++i) wait = std::min(wait * 2, cap);
  // Not std::uniform_real_distribution: its results differ between libraries, and a simulated day must not.
  const double unit = static_cast<double>(random() >> 11U) * 0x1.0p-53;
  const auto spread = static_cast<Duration::rep>(static_cast<double>(wait.count()) * (0.8 + 0.4 * unit));
  return std::clamp(Duration{spread}, Duration{1}, std::max(cap, Duration{1}));
}

TokenBucket::TokenBucket(double per_second, double burst)
    : per_second_(per_second), burst_(std::max(burst, 1.0)), tokens_(burst_) {}

double TokenBucket::tokens_at(Time now) const {
  if (now <= last_) return tokens_;
  return std::min(burst_, tokens_ + std::chrono::duration<double>(now - last_).count() * per_second_);
}

bool TokenBucket::take(Time now) {
  if (!(per_second_ > 0)) return true;
  tokens_ = tokens_at(now);
  last_ = std::max(last_, now);
  if (tokens_ < 1.0 - 1e-9) return false;
  tokens_ = std::max(0.0, tokens_ - 1.0);
  return true;
}

Time TokenBucket::ready_at(Time now) const {
  if (!(per_second_ > 0)) return now;
  const double missing = 1.0 - 1e-9 - tokens_at(now);
  if (missing <= 0) return now;
  return std::max(now, last_) + Duration{static_cast<Duration::rep>(std::ceil(missing / per_second_ * 1e6))};
}

void TokenBucket::clock_went_back(Duration by) {
  last_ -= by;
}

}  // namespace redflag::alerts
