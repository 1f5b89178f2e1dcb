// Glue only: the simulators answer at once, the server does the waiting.
#include "daemon/simulator/simulator_server.h"

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

asio::awaitable<ServerResponse> answer(WandbSimulator& wandb, SlackSimulator& slack, ServerRequest request) {
  const bool for_slack = request.path().substr(0, 10) == "/services/";
  co_return for_slack ? slack.answer(request) : wandb.answer(request);
}

}  // namespace

SimulatorServer::SimulatorServer(asio::any_io_executor executor, Clock& clock, WandbSimulator& wandb,
                                 SlackSimulator& slack)
    : wandb_(wandb),
      slack_(slack),
      server_(std::move(executor), clock,
              [&wandb, &slack](ServerRequest request) { return answer(wandb, slack, std::move(request)); }) {}

Result<std::uint16_t> SimulatorServer::listen(std::uint16_t port) {
  const auto bound = server_.listen("127.0.0.1", port);
  if (!bound) return bound;
  port_ = *bound;
  wandb_.options().public_url = fmt::format("http://127.0.0.1:{}", port_);
  return port_;
}

std::string SimulatorServer::wandb_url() const {
  return fmt::format("http://127.0.0.1:{}{}", port_, wandb_.options().path_prefix);
}

std::string SimulatorServer::slack_url() const {
  return fmt::format("http://127.0.0.1:{}{}", port_, slack_.options().path);
}

}  // namespace redflag::daemon
