// How late the event loop wakes: what a blocking call on it, or a machine that is too busy, would show.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "daemon/base/clock.h"

namespace redflag::daemon {

class LoopLag {
 public:
  explicit LoopLag(Clock& clock) : clock_(clock) {}

  /// Measures until cancelled, every kInterval.
  asio::awaitable<void> run() {
    for (;;) {
      const Duration begun = clock_.monotonic();
      co_await clock_.sleep(kInterval);
      last_ = std::max(clock_.monotonic() - begun - kInterval, Duration::zero());
      lags_[next_++ % lags_.size()] = last_;
    }
  }

  Duration last() const { return last_; }
  /// Of the last minute.
  Duration worst() const { return *std::max_element(lags_.begin(), lags_.end()); }

 private:
  static constexpr Duration kInterval = std::chrono::seconds{15};

  Clock& clock_;
  Duration last_{};
  std::array<Duration, 4> lags_{};
  std::size_t next_ = 0;
};

}  // namespace redflag::daemon
