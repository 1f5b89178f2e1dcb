// The daemon's only clock. Everything that waits or asks for the time does it here, so that a test can
// simulate eight hours in a few milliseconds.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, UTC. May jump either way; use it for what people see, never to measure.
  virtual Time now() const = 0;
  /// Time since an arbitrary start that never goes back. Measure with it.
  virtual Duration monotonic() const = 0;
  /// Waits; a non-positive duration yields once. Supports Asio's cancellation (throws
  /// boost::system::system_error with operation_aborted, as Asio's own timers do).
  virtual asio::awaitable<void> sleep(Duration duration) = 0;
};

}  // namespace redflag::daemon
