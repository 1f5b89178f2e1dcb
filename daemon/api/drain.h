// An orderly end for a server whose handler refers to what is about to be destroyed.
#pragma once

#include "daemon/base/clock.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon::api {

/// Stops it, and resumes once no request is under way any more, at most after `patience`.
inline asio::awaitable<void> drained(HttpServer& server, Clock& clock, Duration patience) {
  server.stop();
  const Duration until = clock.monotonic() + patience;
  for (;;) {
    if (server.open_connections() == 0 || clock.monotonic() >= until) co_return;
    co_await clock.sleep(std::chrono::milliseconds{1});
  }
}

}  // namespace redflag::daemon::api
