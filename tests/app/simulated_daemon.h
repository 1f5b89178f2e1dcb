// The whole daemon on a simulated clock, with a simulated W&B and a simulated Slack: hours pass in
// milliseconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "daemon/app/service.h"
#include "daemon/base/simulated_clock.h"
#include "daemon/simulator/simulated_network.h"
#include "daemon/simulator/slack_simulator.h"
#include "daemon/simulator/wandb_simulator.h"
#include "tests/support/temp_dir.h"

namespace redflag::test {

using namespace redflag::daemon;

inline const Time kStart = *parse_rfc3339("2026-11-23T00:00:00Z");

class SimulatedDaemon {
 public:
  SimulatedDaemon();

  /// Starts, or starts again on what the last one left in the store.
  void start();
  /// An orderly stop; `kill` stops in the middle of whatever it does.
  void stop();
  void kill();
  void run_for(Duration duration) { clock.run_for(*context, duration); }

  /// What Slack's phone line said, oldest first.
  std::vector<std::string> slack_texts() const;
  std::size_t count(const std::string& words) const;
  /// Points of the run that the store holds.
  std::vector<Observation> points(const std::string& run_id);
  std::string run_key(const std::string& run_id) const { return "api.wandb.ai/ent/proj/" + run_id; }

  TempDir directory;
  SimulatedClock clock{kStart};
  WandbSimulator wandb;
  SlackSimulator slack;
  SimulatedNetwork network;
  Config config;
  std::string secret_ping;  ///< the dead man's switch's URL; empty: none
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<Store> store;
  std::unique_ptr<Service> service;

 private:
  SystemInotify inotify_;
};

/// A healthy run: a row a minute from `created` on, with loss, norm, rate and memory; `rows` of them, then
/// finished.
RunScript healthy_run(const std::string& id, Time created, int rows);

}  // namespace redflag::test
