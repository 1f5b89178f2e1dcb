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

/// What the time really is, for everybody but the machine that redflagd runs on: its clock may jump, it may
/// sleep.
class TrueClock : public Clock {
 public:
  explicit TrueClock(SimulatedClock& clock) : clock_(clock) {}
  Time now() const override { return Time{clock_.monotonic()} + asleep; }
  Duration monotonic() const override { return clock_.monotonic(); }
  asio::awaitable<void> sleep(Duration duration) override { return clock_.sleep(duration); }
  Duration asleep{0};

 private:
  SimulatedClock& clock_;
};

class SimulatedDaemon {
 public:
  SimulatedDaemon();

  /// Starts, or starts again on what the last one left in the store.
  void start();
  /// An orderly stop; `kill` stops in the middle of whatever it does.
  void stop();
  void kill();
  /// The machine sleeps: time passes in the world and on the wall clock, timers and the monotonic clock stand
  /// still.
  void suspend(Duration duration) {
    clock.jump_wall_clock(duration);
    true_clock.asleep += duration;
  }
  void run_for(Duration duration) { clock.run_for(*context, duration); }

  /// What Slack's phone line said, oldest first.
  std::vector<std::string> slack_texts() const;
  std::size_t count(const std::string& words) const;
  /// Points of the run that the store holds.
  std::vector<Observation> points(const std::string& run_id);
  std::string run_key(const std::string& run_id) const { return "api.wandb.ai/ent/proj/" + run_id; }

  TempDir directory;
  SimulatedClock clock{kStart};
  TrueClock true_clock{clock};
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
