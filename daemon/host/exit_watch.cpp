#include "daemon/host/exit_watch.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace redflag::daemon {

ExitWatch::ExitWatch(asio::any_io_executor executor)
    : executor_(std::move(executor)), exits_(std::make_shared<Event>(executor_)) {}

ExitWatch::~ExitWatch() {
  watch({});
}

void ExitWatch::watch(const std::set<ProcessId>& processes) {
  std::erase_if(watched_, [&](const auto& each) {
    if (processes.contains(each.first)) return false;
    // The wait holds the descriptor, too.
    boost::system::error_code ignored;
    each.second->cancel(ignored);
    return true;
  });
  for (const ProcessId& process : processes) {
    if (watched_.size() >= kMost) break;
    if (watched_.contains(process)) continue;
    const long fd = ::syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid), 0U);
    if (fd < 0) continue;
    auto descriptor = std::make_shared<asio::posix::stream_descriptor>(executor_);
    boost::system::error_code error;
    descriptor->assign(static_cast<int>(fd), error);
    if (error) {
      ::close(static_cast<int>(fd));
      continue;
    }
    descriptor->async_wait(
        asio::posix::stream_descriptor::wait_read,
        [descriptor, exits = std::weak_ptr<Event>(exits_)](const boost::system::error_code& failed) {
          const std::shared_ptr<Event> event = exits.lock();
          if (!failed && event) event->set();
        });
    watched_.emplace(process, std::move(descriptor));
  }
}

}  // namespace redflag::daemon
