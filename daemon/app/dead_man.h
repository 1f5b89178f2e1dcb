// The dead man's switch: a URL that is asked for every minute while all is well, at a service that raises the
// alarm when it is not any more (healthchecks.io, Dead Man's Snitch, an Alertmanager's watchdog receiver). A
// VM that is taken away takes redflagd with it, and silence must not look healthy.
#pragma once

#include <functional>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/config/secret.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

class DeadMan {
 public:
  /// `trouble`: why all is not well, in words; empty when it is. While there is trouble nothing is sent.
  DeadMan(Secret url, Duration interval, HttpTransport& transport, Clock& clock,
          std::function<std::string()> trouble);

  /// Until cancelled.
  asio::awaitable<void> run();

 private:
  asio::awaitable<void> ping();
  void note(const std::string& problem);

  Secret url_;
  Duration interval_;
  HttpTransport& transport_;
  Clock& clock_;
  std::function<std::string()> trouble_;
  std::string problem_;  // as last logged; empty: it works
};

}  // namespace redflag::daemon
