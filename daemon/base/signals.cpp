#include "daemon/base/signals.h"

#include <csignal>

namespace redflag::daemon {

Signals::Signals(asio::any_io_executor executor, Handlers handlers)
    : set_(std::move(executor), SIGTERM, SIGINT, SIGHUP), handlers_(std::move(handlers)) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error code, not the end of the monitor
  wait();
}

void Signals::cancel() {
  set_.cancel();
}

void Signals::wait() {
  set_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    wait();
    if (signal == SIGHUP) {
      handlers_.reload();
    } else {
      handlers_.stop(signal);
    }
  });
}

}  // namespace redflag::daemon
