// A wake-up call between coroutines of one loop: set() releases everybody who waits; waits after that block
// again.
#pragma once

#include <cstdint>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace redflag::daemon {

namespace asio = boost::asio;

/// Not thread-safe: set and wait on the loop's thread. Must outlive its waiters.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);

  void set();
  /// Number of times set() was called; take it before looking at the state, then wait_past() cannot miss a
  /// call.
  std::uint64_t count() const { return count_; }
  /// Returns when set() has been called more than `seen` times. Cancellable (throws operation_aborted).
  asio::awaitable<void> wait_past(std::uint64_t seen);

 private:
  asio::steady_timer timer_;
  std::uint64_t count_ = 0;
};

}  // namespace redflag::daemon
