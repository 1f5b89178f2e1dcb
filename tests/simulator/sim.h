// A W&B simulator on simulated time, and short ways to ask it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/simulated_clock.h"
#include "daemon/simulator/wandb_simulator.h"

namespace redflag::test {

using namespace redflag::daemon;
using redflag::Duration;
using redflag::Time;
using namespace std::chrono_literals;
using nlohmann::json;

inline const Time kStart = *parse_rfc3339("2026-11-23T02:00:00Z");

struct Sim {
  boost::asio::io_context io;
  SimulatedClock clock{kStart};
  WandbSimulator wandb{clock};

  void pass(Duration duration) { clock.run_for(io, duration); }

  SimulatedRun& add(const std::string& id, RunScript script = {}) {
    script.id = id;
    return wandb.add_run("ent", "proj", std::move(script));
  }

  ServerResponse post(const json& body) {
    ServerRequest request;
    request.method = "POST";
    request.target = "/graphql";
    request.body = body.dump();
    return wandb.answer(request);
  }
  /// The whole answer, with `data` and `errors`.
  json answer(const std::string& query, const json& variables = json::object()) {
    return json::parse(post({{"query", query}, {"variables", variables}}).body);
  }
  /// What `project(name: "proj", entityName: "ent") { … }` says.
  json project(const std::string& fields, const json& variables = json::object(),
               const std::string& head = "") {
    const json all = answer(
        "query Q" + head + " { project(name: \"proj\", entityName: \"ent\") { " + fields + " } }", variables);
    return all.contains("data") ? all["data"]["project"] : all;
  }
  json run(const std::string& id, const std::string& fields) {
    const json found = project("run(name: \"" + id + "\") { " + fields + " }");
    return found.contains("run") ? found["run"] : found;
  }
};

/// The folder of real samples, when there is one: $REDFLAG_SHARED, else "shared" beside the repository.
inline std::filesystem::path samples() {
  const char* named = std::getenv("REDFLAG_SHARED");
  const std::filesystem::path shared = named != nullptr
                                           ? std::filesystem::path{named}
                                           : std::filesystem::path{REDFLAG_SOURCE_DIR} / ".." / "shared";
  return shared / "samples";
}

}  // namespace redflag::test
