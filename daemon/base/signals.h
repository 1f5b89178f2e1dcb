// SIGTERM and SIGINT ask for a stop, SIGHUP for a reload. Delivered on the loop, so handlers may do anything.
#pragma once

#include <functional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>

namespace redflag::daemon {

namespace asio = boost::asio;

class Signals {
 public:
  struct Handlers {
    std::function<void(int signal)> stop;
    std::function<void()> reload;
  };
  Signals(asio::any_io_executor executor, Handlers handlers);
  void cancel();

 private:
  void wait();

  asio::signal_set set_;
  Handlers handlers_;
};

}  // namespace redflag::daemon
