// A clock that only moves when everybody waits: eight hours of an outage take as long as the work done in
// them.
//
// Sleepers are kept by the time they are due. `run_for` polls the io_context until nothing is ready, jumps to
// the next due sleeper, and so on. It works for code on one thread that waits for nothing but this clock.
#pragma once

#include <functional>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/base/clock.h"

namespace redflag::daemon {

class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(Time start) : wall_(start) {}

  Time now() const override { return wall_ + offset_; }
  Duration monotonic() const override { return wall_.time_since_epoch(); }
  asio::awaitable<void> sleep(Duration duration) override;

  /// Runs the context until `duration` of simulated time has passed, or `done` says so, or nobody waits any
  /// more.
  void run_for(asio::io_context& context, Duration duration, const std::function<bool()>& done = {});

  /// The wall clock jumps (NTP, suspend, a person): `now` moves, `monotonic` does not.
  void jump_wall_clock(Duration by) { offset_ += by; }

 private:
  struct Sleeper {
    asio::steady_timer* timer;
    bool* woken;
  };
  using Sleepers = std::multimap<Time, Sleeper>;

  void wake_due();

  Time wall_;
  Duration offset_{0};
  Sleepers sleepers_;
};

}  // namespace redflag::daemon
