// A stand-in for the W&B service: same GraphQL, same traps, on any clock, with faults on demand. For the
// tests and `redflag demo`.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "daemon/base/clock.h"
#include "daemon/net/http_server.h"
#include "daemon/simulator/faults.h"
#include "daemon/simulator/wandb_run.h"
#include "daemon/simulator/wandb_schema.h"

namespace redflag::daemon {

struct WandbSimulatorOptions {
  std::string api_key;      ///< empty = any key, or none, is taken
  std::string path_prefix;  ///< "/wandb": the API is then at /wandb/graphql
  std::string entity = "demo";
  std::string username = "demo";
  std::string public_url;  ///< where clients reach it, for links to files: "http://127.0.0.1:4711"
};

/// Not thread-safe. Runs live as long as the simulator; references to them stay valid.
class WandbSimulator {
 public:
  explicit WandbSimulator(const Clock& clock, WandbSimulatorOptions options = {});

  void add_project(const std::string& entity, const std::string& project);
  /// Makes the project when there is none. A script without `created` starts now.
  SimulatedRun& add_run(const std::string& entity, const std::string& project, RunScript script);
  SimulatedRun* find(const std::string& entity, const std::string& project, const std::string& id);

  // At the clock's now; SimulatedRun has the forms with a time.
  void append_row(SimulatedRun& run, nlohmann::json values);
  void set_state(SimulatedRun& run, std::string state);

  /// For the following requests. The whole service: leave Fault::run empty.
  FaultPlan& faults() { return faults_; }
  WandbSimulatorOptions& options() { return options_; }

  /// Answers POST {prefix}/graphql and GET of its own file links. Any input is answered, whatever it holds.
  ServerResponse answer(const ServerRequest& request);

  std::size_t requests() const { return requests_; }              ///< answered or not
  std::size_t graphql_bytes_sent() const { return bytes_sent_; }  ///< bodies of its answers

 private:
  bool is_authorized(const ServerRequest& request) const;
  ServerResponse graphql(const ServerRequest& request, const std::optional<Fault>& fault);
  ServerResponse file(std::string_view path) const;

  const Clock& clock_;
  WandbSimulatorOptions options_;
  wandb_schema::Projects projects_;
  FaultPlan faults_;
  std::size_t requests_ = 0;
  std::size_t bytes_sent_ = 0;
};

}  // namespace redflag::daemon
