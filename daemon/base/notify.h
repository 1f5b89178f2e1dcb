// systemd's notification protocol: one datagram to $NOTIFY_SOCKET. Written here because Debian has no static
// libsystemd, and because it is this small. Source: sd_notify(3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/values/time.h"

namespace redflag::daemon {

class ServiceNotifier {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; without them every call does nothing.
  ServiceNotifier();

  void ready(std::string_view status);
  /// One line for `systemctl status`.
  void status(std::string_view text);
  /// For systemd 252 (no Type=notify-reload): RELOADING=1 with MONOTONIC_USEC; follow it with ready().
  void reloading(Duration monotonic);
  void stopping();
  void watchdog();

  /// Interval at which systemd expects to be pinged; nullopt when it does not.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }

 private:
  void send(std::string_view message);

  std::string socket_;
  std::optional<Duration> watchdog_interval_;
};

}  // namespace redflag::daemon
