// The only file of this folder, besides the source, that pays for Asio.
#include "daemon/results/watch_waiter.h"

#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

#include "daemon/base/timed.h"

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
  if (!impl_->stream) {
    co_await clock.sleep(duration);
    co_return false;
  }
  co_return co_await timed(
      clock, duration,
      impl_->stream->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable));
}

}  // namespace redflag::daemon
