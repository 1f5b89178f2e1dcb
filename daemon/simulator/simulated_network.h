// The network of a simulation: requests reach simulated services in the same process, and everything that can
// go wrong on the way takes as long as it would, on the simulation's clock.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/net/http.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon {

/// Must outlive the coroutines that wait in it. Not thread-safe.
class SimulatedNetwork : public HttpTransport {
 public:
  using Service = std::function<ServerResponse(const ServerRequest&)>;

  explicit SimulatedNetwork(Clock& clock) : clock_(clock) {}

  /// `host` as in URLs, without a port: "api.wandb.ai". Any scheme and port reach it.
  void add_host(const std::string& host, Service service);
  /// Time that each exchange takes; it counts against the request's timeout.
  void set_latency(Duration latency) { latency_ = latency; }

  /// Errors, all retryable but the first and the last: invalid_input (not a URL), unavailable (unknown host,
  /// dropped or cut connection), timed_out (after `request.timeout` on the clock), too_large.
  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override;

  std::size_t requests(const std::string& host) const;
  std::size_t requests() const { return total_; }

 private:
  struct Host {
    Service service;
    std::size_t requests = 0;
  };

  Clock& clock_;
  Duration latency_{};
  std::map<std::string, Host> hosts_;
  std::size_t total_ = 0;
};

}  // namespace redflag::daemon
