// Restarts and stops of the whole daemon.
#include "daemon/base/log.h"
#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

RunScript exploding_run() {
  RunScript script = healthy_run("r1", kStart, 600);
  for (std::size_t i = 30; i < script.rows.size(); ++i) script.rows[i].values["train/grad_norm"] = 5000.0;
  return script;
}

/// What is logged as a warning or worse while it lives.
class Complaints {
 public:
  Complaints() { (void)open_log({.level = LogLevel::warning, .file = directory_ / "log"}); }
  ~Complaints() { (void)open_log({.level = LogLevel::critical}); }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;
  std::string text() const { return read_file(directory_ / "log"); }

 private:
  TempDir directory_;
};

}  // namespace

TEST_CASE("an alert is told once, however often the daemon is stopped and started while it lasts",
          "[restart]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run());
  daemon.start();
  daemon.run_for(1h);
  CHECK(daemon.count("gradient-explosion") == 1);
  for (int i = 0; i < 3; ++i) {
    daemon.stop();
    daemon.start();
    daemon.run_for(10min);
  }
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.service->monitor().pipeline().lifecycle().active().size() == 1);
}

TEST_CASE("the log says how a run ended, with its newest numbers, once", "[log]") {
  const TempDir directory;
  SimulatedDaemon daemon;
  REQUIRE(open_log({.file = directory / "log"}));
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart + 5min, 60));
  daemon.start();
  daemon.run_for(2h);
  daemon.stop();
  daemon.start();
  daemon.run_for(10min);
  (void)open_log({.level = LogLevel::critical});
  const std::string log = read_file(directory / "log");
  const std::size_t told = log.find("  finished  step 600  train_loss ");
  INFO(log);
  REQUIRE(told != std::string::npos);
  CHECK(log.find("  finished  ", told + 1) == std::string::npos);
}

TEST_CASE("killed at any moment, the daemon loses no alert and goes on behind the last row it kept",
          "[restart]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run());
  daemon.start();
  for (int i = 0; i < 120; ++i) {
    daemon.run_for(37s + i * 1ms);
    daemon.kill();
    daemon.start();
  }
  daemon.run_for(5min);
  CHECK(daemon.count("gradient-explosion") == 1);
  std::int64_t expected = 0;
  for (const Observation& point : daemon.points("r1")) {
    if (point.kind == ObservationKind::row) CHECK(point.seq == expected++);
  }
  CHECK(expected >= 74);
}

TEST_CASE("alerts wait out a Slack that is down, and arrive in their order when it is back", "[delivery]") {
  SimulatedDaemon daemon;
  RunScript script = exploding_run();
  for (std::size_t i = 60; i < script.rows.size(); ++i) script.rows[i].values["train/loss"] = "NaN";
  daemon.wandb.add_run("ent", "proj", script);
  daemon.slack.faults().during(kStart, kStart + 3h, {.kind = FaultKind::server_error});
  daemon.start();
  daemon.run_for(2h);
  CHECK(daemon.slack.messages().empty());
  daemon.kill();
  daemon.start();
  daemon.run_for(2h);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("loss-nan") == 1);
}

TEST_CASE("when the daemon stops, what is under way still goes out", "[restart]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run());
  daemon.slack.faults().next({.kind = FaultKind::late, .delay = 1s});
  daemon.start();
  while (daemon.slack.requests() == 0 && daemon.clock.now() < kStart + 2h) daemon.run_for(20ms);
  daemon.stop();
  CHECK(daemon.count("gradient-explosion") == 1);
}

TEST_CASE("a stop while a message waits for its next try, and channels wait for work, is no error",
          "[restart]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run());
  daemon.slack.faults().during(kStart, kStart + 3h, {.kind = FaultKind::rate_limited, .retry_after = "3600"});
  daemon.start();
  while (daemon.slack.requests() == 0 && daemon.clock.now() < kStart + 2h) daemon.run_for(1s);
  daemon.run_for(1min);
  const Complaints complaints;
  daemon.stop();
  CHECK(complaints.text() == "");
  daemon.start();
  daemon.run_for(5h);
  CHECK(daemon.count("gradient-explosion") == 1);
}

TEST_CASE("clocks that jump an hour either way raise no alert and lose no row", "[clock]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 600));
  daemon.start();
  daemon.run_for(30min);
  daemon.clock.jump_wall_clock(-1h);
  daemon.run_for(30min);
  daemon.clock.jump_wall_clock(1h);
  daemon.run_for(30min);
  CHECK(daemon.slack_texts() == std::vector<std::string>{});
}
