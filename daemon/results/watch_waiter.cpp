// The only file of this folder, besides the source, that pays for Asio.
#include "daemon/results/watch_waiter.h"

#include <optional>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <unistd.h>

namespace redflag::daemon {

struct WatchWaiter::Impl {
  std::optional<asio::posix::stream_descriptor> stream;
};

WatchWaiter::WatchWaiter(asio::any_io_executor executor, int fd) : impl_(std::make_unique<Impl>()) {
  if (fd < 0) return;
  const int copy = ::dup(fd);
  if (copy < 0) return;
  boost::system::error_code error;
  impl_->stream.emplace(executor);
  impl_->stream->assign(copy, error);
  if (!error) return;
  impl_->stream.reset();
  ::close(copy);
}

WatchWaiter::~WatchWaiter() = default;

asio::awaitable<bool> WatchWaiter::wait(Clock& clock, Duration duration) {
  using namespace asio::experimental::awaitable_operators;
  if (!impl_->stream) {
    co_await clock.sleep(duration);
    co_return false;
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  std::size_t first = 0;
  bool failed = false;
  try {
    const auto result =
        co_await (impl_->stream->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable) ||
                  clock.sleep(duration));
    first = result.index();
  } catch (const std::exception&) {
    failed = true;  // both ended without success: cancelled
  }
  const bool cancelled =
      (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  co_await asio::this_coro::throw_if_cancelled(true);
  if (cancelled || failed) throw boost::system::system_error(asio::error::operation_aborted);
  co_return first == 0;
}

}  // namespace redflag::daemon
