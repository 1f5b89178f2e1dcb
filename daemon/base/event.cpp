#include "daemon/base/event.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace redflag::daemon {

Event::Event(asio::any_io_executor executor)
    : timer_(std::move(executor), asio::steady_timer::time_point::max()) {}

void Event::set() {
  ++count_;
  timer_.cancel();
}

asio::awaitable<void> Event::wait_past(std::uint64_t seen) {
  while (count_ <= seen) {
    const std::uint64_t before = count_;
    boost::system::error_code error;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (count_ == before) throw boost::system::system_error(asio::error::operation_aborted);
  }
}

}  // namespace redflag::daemon
