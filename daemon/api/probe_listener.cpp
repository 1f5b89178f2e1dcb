#include "daemon/api/probe_listener.h"

#include <utility>

#include "daemon/api/drain.h"
#include "daemon/api/forms.h"

namespace redflag::daemon::api {
namespace {

HttpServerLimits limits() {
  HttpServerLimits limits;
  limits.max_body_bytes = 4096;
  limits.max_connections = 16;
  return limits;
}

}  // namespace

ProbeListener::ProbeListener(asio::any_io_executor executor, Clock& clock, Probes& probes,
                             ListenAddress where)
    : clock_(clock),
      probes_(probes),
      where_(std::move(where)),
      server_(
          std::move(executor), clock, [this](ServerRequest request) { return answer(std::move(request)); },
          limits()) {}

Result<std::uint16_t> ProbeListener::start() {
  return server_.listen(where_.host, where_.port);
}

asio::awaitable<void> ProbeListener::stop(Duration patience) {
  co_await drained(server_, clock_, patience);
}

asio::awaitable<ServerResponse> ProbeListener::answer(ServerRequest request) {
  // A page in somebody's browser must not read it under a name of its own.
  if (!names_loopback(request.header("Host"))) {
    co_return error_response(403, "denied", "this port is only for this machine",
                             "call it 127.0.0.1 or localhost, not by another name");
  }
  co_return co_await probes_.answer(std::move(request));
}

}  // namespace redflag::daemon::api
