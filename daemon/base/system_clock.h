// The machine's clock.
#pragma once

#include "daemon/base/clock.h"

namespace redflag::daemon {

class SystemClock : public Clock {
 public:
  Time now() const override;
  Duration monotonic() const override;
  asio::awaitable<void> sleep(Duration duration) override;
};

}  // namespace redflag::daemon
