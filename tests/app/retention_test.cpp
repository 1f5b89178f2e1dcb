// What is forgotten after months, while W&B lists it for ever.
#include "daemon/monitor/forgotten.h"
#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

RunScript failing_run(const std::string& id, Time created) {
  RunScript script = healthy_run(id, created, 60);
  for (std::size_t i = 30; i < script.rows.size(); ++i) script.rows[i].values["train/grad_norm"] = 5000.0;
  script.states = {{61min, "crashed"}};
  return script;
}

StoredState kept_by(SimulatedDaemon& daemon) {
  std::size_t skipped = 0;
  Result<StoredState> state = daemon.store->load(skipped);
  REQUIRE(state);
  CHECK(skipped == 0);
  return std::move(*state);
}

bool keeps(SimulatedDaemon& daemon, const std::string& id) {
  const StoredState state = kept_by(daemon);
  bool kept = daemon.service->monitor().run(daemon.run_key(id)) != nullptr;
  for (const RunInfo& run : state.runs) kept = kept || run.id == id;
  for (const Observation& fact : state.facts) kept = kept || fact.subject.key == daemon.run_key(id);
  for (const CursorUpdate& cursor : state.cursors) kept = kept || cursor.key == id;
  for (const RuleInstance& one : state.instances) kept = kept || one.subject.key == daemon.run_key(id);
  return kept || !daemon.points(id).empty();
}

/// A day of retention, and a run that exploded and crashed; told of, and forgotten since.
void live_through(SimulatedDaemon& daemon) {
  daemon.config.store.retention = 24h;
  daemon.config.alerts.repeat_interval = 0s;  // a reminder is no second alert
  daemon.config.wandb.poll_interval = 1min;
  daemon.wandb.add_run("ent", "proj", failing_run("old", kStart));
  daemon.start();
  daemon.run_for(12h);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("run-failed") == 1);
  CHECK(keeps(daemon, "old"));
  daemon.run_for(16h);
  CHECK_FALSE(keeps(daemon, "old"));
}

}  // namespace

TEST_CASE(
    "a run that ended longer ago than is kept is forgotten, and W&B's listing brings back neither it nor "
    "its alerts",
    "[retention]") {
  SimulatedDaemon daemon;
  live_through(daemon);
  const std::size_t told = daemon.slack.messages().size();
  daemon.run_for(6h);
  daemon.stop();
  daemon.start();
  daemon.run_for(6h);
  daemon.kill();
  daemon.start();
  daemon.run_for(2h);
  CHECK_FALSE(keeps(daemon, "old"));
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("run-failed") == 1);
  CHECK(daemon.slack.messages().size() == told);
  CHECK(daemon.service->monitor().pipeline().lifecycle().active().empty());
}

TEST_CASE("a longer retention does not bring back what a shorter one forgot", "[retention]") {
  SimulatedDaemon daemon;
  live_through(daemon);
  daemon.stop();
  daemon.config.store.retention = 24h * 90;
  daemon.start();
  daemon.run_for(6h);
  CHECK_FALSE(keeps(daemon, "old"));
  CHECK(daemon.count("gradient-explosion") == 1);
}

TEST_CASE(
    "when a project is listed anew, what was forgotten is read as what had ended before, and pages nobody",
    "[retention]") {
  SimulatedDaemon daemon;
  live_through(daemon);
  std::size_t before = 0;
  for (const std::string& text : daemon.slack_texts()) before += text.starts_with("CRITICAL") ? 1 : 0;
  CHECK(before > 0);
  daemon.stop();
  daemon.config.wandb.projects.front().runs.names = {"*"};
  daemon.start();
  daemon.run_for(1h);
  const RunInfo* run = daemon.service->monitor().run(daemon.run_key("old"));
  REQUIRE(run != nullptr);
  CHECK(run->historic);
  CHECK(daemon.count("gradient-explosion") == 1);
  std::size_t paged = 0;
  for (const std::string& text : daemon.slack_texts()) paged += text.starts_with("CRITICAL") ? 1 : 0;
  CHECK(paged == before);
  daemon.run_for(3h);
  CHECK_FALSE(keeps(daemon, "old"));
}

TEST_CASE("runs that come after others were forgotten are watched as ever", "[retention]") {
  SimulatedDaemon daemon;
  live_through(daemon);
  daemon.wandb.add_run("ent", "proj", failing_run("new", daemon.clock.now()));
  daemon.run_for(3h);
  CHECK(daemon.count("gradient-explosion") == 2);
  CHECK(daemon.count("run-failed") == 2);
  CHECK(keeps(daemon, "new"));
}

TEST_CASE("a run that goes on for longer than anything is kept is not forgotten", "[retention]") {
  SimulatedDaemon daemon;
  daemon.config.store.retention = 24h;
  daemon.config.wandb.poll_interval = 1min;
  daemon.wandb.add_run("ent", "proj", healthy_run("long", kStart, 60 * 60));
  daemon.start();
  daemon.run_for(50h);
  CHECK(keeps(daemon, "long"));
}
