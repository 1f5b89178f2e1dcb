// The simulators behind a real HTTP server on this machine: for `redflag demo`, for tests with real sockets,
// and for real clients.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/net/http_server.h"
#include "daemon/simulator/slack_simulator.h"
#include "daemon/simulator/wandb_simulator.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// One port for both: paths under /services/ are Slack's, all others W&B's. The simulators must outlive it.
class SimulatorServer {
 public:
  SimulatorServer(asio::any_io_executor executor, Clock& clock, WandbSimulator& wandb, SlackSimulator& slack);

  /// On 127.0.0.1; port 0 takes any free one. Sets the W&B simulator's public_url. Errors: as
  /// HttpServer::listen.
  Result<std::uint16_t> listen(std::uint16_t port = 0);
  void stop() { server_.stop(); }

  std::string wandb_url() const;  ///< base URL for clients: "http://127.0.0.1:4711"
  std::string slack_url() const;  ///< the webhook

 private:
  WandbSimulator& wandb_;
  SlackSimulator& slack_;
  HttpServer server_;
  std::uint16_t port_ = 0;
};

}  // namespace redflag::daemon
