// A batch that has to arrive: offered again, with back-off, until the intake has kept it.
#pragma once

#include <algorithm>
#include <chrono>

#include "daemon/base/clock.h"
#include "daemon/monitor/intake.h"

namespace redflag::daemon {

/// Meanwhile the source that waits for it reads nothing new. Cancellable, as the clock's sleep is.
inline asio::awaitable<void> submit_until_kept(Clock& clock, Intake& intake, SourceBatch batch) {
  Duration pause = std::chrono::seconds{1};
  for (;;) {
    const auto result = co_await intake.submit(batch);
    if (result) co_return;
    co_await clock.sleep(pause);
    pause = std::min(pause * 2, Duration{std::chrono::seconds{30}});
  }
}

}  // namespace redflag::daemon
