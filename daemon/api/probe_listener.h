// A port on loopback for Prometheus and for health checks, neither of which can read a unix socket. It
// answers GET /metrics, /healthz and /readyz and nothing else: no token, because it gives numbers and names,
// and takes nothing. Off unless prometheus.listen is set.
//
// It is not the live page's port: that one belongs to people, wants them signed in, and may be off.
#pragma once

#include "daemon/api/probes.h"
#include "daemon/base/clock.h"
#include "daemon/config/listen_address.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon::api {

/// All on one executor. What it refers to outlives it. Destroy it after stop(), or with the executor.
class ProbeListener {
 public:
  ProbeListener(asio::any_io_executor executor, Clock& clock, Probes& probes, ListenAddress where);

  /// Gives the port. Errors: conflict (in use), unavailable.
  Result<std::uint16_t> start();
  /// Cancels the requests under way, and resumes once they are over, at most after `patience`.
  asio::awaitable<void> stop(Duration patience);

 private:
  asio::awaitable<ServerResponse> answer(ServerRequest request);

  Clock& clock_;
  Probes& probes_;
  ListenAddress where_;
  HttpServer server_;
};

}  // namespace redflag::daemon::api
