// What machines ask of redflagd: GET /metrics (Prometheus), /healthz (does it live?) and /readyz (does it
// know what it watches?). The local API answers them, the page's listener can, and a listener of their own
// does (probe_listener.h): numbers, names and reasons, nothing that changes anything.
#pragma once

#include <functional>
#include <string_view>

#include "daemon/metrics/own_health.h"
#include "daemon/net/http_server.h"
#include "daemon/overview/views.h"

namespace redflag::daemon::api {

/// One thread, that of the views. What it refers to outlives every request.
class Probes {
 public:
  Probes(Views& views, std::function<OwnHealth()> own);

  /// Whether `path` (without query) is one of the three.
  static bool has(std::string_view path);

  /// GET and HEAD only; another method is 405, a path that `has` does not know 404. Never throws but for
  /// cancellation.
  asio::awaitable<ServerResponse> answer(ServerRequest request);

 private:
  ServerResponse alive() const;
  asio::awaitable<ServerResponse> ready();
  asio::awaitable<ServerResponse> metrics();

  Views& views_;
  std::function<OwnHealth()> own_;
};

}  // namespace redflag::daemon::api
