#include "daemon/base/simulated_clock.h"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace redflag::daemon {

asio::awaitable<void> SimulatedClock::sleep(Duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  bool woken = false;
  const auto place = sleepers_.emplace(wall_ + std::max(duration, Duration::zero()), Sleeper{&timer, &woken});
  // Leaves the map however the wait ends: woken, cancelled, or the coroutine destroyed with its context.
  struct Leave {
    Sleepers& sleepers;
    Sleepers::iterator place;
    bool& woken;
    ~Leave() {
      if (!woken) sleepers.erase(place);
    }
  } leave{sleepers_, place, woken};

  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (!woken) throw boost::system::system_error(asio::error::operation_aborted);
}

void SimulatedClock::wake_due() {
  while (!sleepers_.empty() && sleepers_.begin()->first <= wall_) {
    const Sleeper sleeper = sleepers_.begin()->second;
    sleepers_.erase(sleepers_.begin());
    *sleeper.woken = true;
    sleeper.timer->cancel();
  }
}

void SimulatedClock::run_for(asio::io_context& context, Duration duration,
                             const std::function<bool()>& done) {
  const Time end = wall_ + duration;
  for (;;) {
    context.restart();
    while (context.poll() != 0) context.restart();
    if (done && done()) return;
    if (sleepers_.empty() || sleepers_.begin()->first > end) {
      wall_ = std::max(wall_, end);
      return;
    }
    wall_ = std::max(wall_, sleepers_.begin()->first);
    wake_due();
  }
}

}  // namespace redflag::daemon
