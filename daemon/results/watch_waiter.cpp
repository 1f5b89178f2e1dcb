// The only file of this folder, besides the source, that pays for Asio.
#include "daemon/results/watch_waiter.h"

#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/base/timed.h"

namespace redflag::daemon {

/// The loop's own epoll would wake for every event that comes while nobody waits: ten writers a tenth of a
/// second are a hundred wake-ups a second for nothing. So it watches an epoll of ours, which is asked once a
/// wait.
struct WatchWaiter::Impl {
  std::optional<asio::posix::stream_descriptor> stream;
  int fd = -1;

  void ask() {
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLONESHOT;
    ::epoll_ctl(stream->native_handle(), EPOLL_CTL_MOD, fd, &wanted);
  }
  void answered() {
    epoll_event taken{};
    ::epoll_wait(stream->native_handle(), &taken, 1, 0);
  }
};

WatchWaiter::WatchWaiter(asio::any_io_executor executor, int fd) : impl_(std::make_unique<Impl>()) {
  if (fd < 0) return;
  const int once = ::epoll_create1(EPOLL_CLOEXEC);
  if (once < 0) return;
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLONESHOT;
  boost::system::error_code error;
  if (::epoll_ctl(once, EPOLL_CTL_ADD, fd, &wanted) == 0) {
    impl_->fd = fd;
    impl_->stream.emplace(executor);
    impl_->stream->assign(once, error);
    if (!error) return;
    impl_->stream.reset();
  }
  ::close(once);
}

WatchWaiter::~WatchWaiter() = default;

asio::awaitable<bool> WatchWaiter::wait(Clock& clock, Duration duration) {
  if (!impl_->stream) {
    co_await clock.sleep(duration);
    co_return false;
  }
  impl_->ask();
  const bool readable = co_await timed(
      clock, duration,
      impl_->stream->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable));
  if (readable) impl_->answered();
  co_return readable;
}

}  // namespace redflag::daemon
