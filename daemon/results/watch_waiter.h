// Waits for a descriptor to become readable or for time to pass, on the event loop and by the injected clock.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"

namespace redflag::daemon {

class WatchWaiter {
 public:
  /// `fd` stays the caller's and is to outlive this; -1 waits for time only.
  WatchWaiter(asio::any_io_executor executor, int fd);
  ~WatchWaiter();
  WatchWaiter(const WatchWaiter&) = delete;
  WatchWaiter& operator=(const WatchWaiter&) = delete;

  /// True when the descriptor is readable, false when `duration` has passed. Throws
  /// boost::system::system_error with operation_aborted when the caller's coroutine is cancelled.
  asio::awaitable<bool> wait(Clock& clock, Duration duration);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace redflag::daemon
