#include "daemon/base/system_clock.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace redflag::daemon {

Time SystemClock::now() const {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

Duration SystemClock::monotonic() const {
  return std::chrono::floor<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

asio::awaitable<void> SystemClock::sleep(Duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace redflag::daemon
