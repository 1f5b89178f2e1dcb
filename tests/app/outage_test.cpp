// What a long night of W&B being away must not do: lose a step, cry wolf, or blur when something happened.
#include <set>

#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

TEST_CASE(
    "an eight-hour W&B outage: one alert, one recovery, no step lost, no false stall, and the explosion in "
    "it at its true step",
    "[outage]") {
  SimulatedDaemon daemon;
  RunScript script = healthy_run("r1", kStart, 12 * 60);
  // The gradient explodes at 05:00, in mid-outage, and stays so for half an hour.
  for (int i = 300; i < 330; ++i) script.rows[static_cast<std::size_t>(i)].values["train/grad_norm"] = 5000.0;
  daemon.wandb.add_run("ent", "proj", script);
  daemon.wandb.faults().during(kStart + 1h, kStart + 9h, {.kind = FaultKind::unreachable});
  daemon.start();
  daemon.run_for(10h);

  CHECK(daemon.count("WARNING W&amp;B") + daemon.count("WARNING wandb") <= 1);
  std::size_t fired = 0;
  std::size_t resolved = 0;
  std::set<std::string> rules;
  for (const SlackMessage& message : daemon.slack.messages()) {
    for (const char* rule : {"wandb-unreachable", "wandb-stale", "run-silent", "metric-missing",
                             "gradient-explosion", "loss-"}) {
      if (message.plain.find(rule) != std::string::npos) rules.insert(rule);
    }
    if (message.plain.find("wandb-unreachable") == std::string::npos) continue;
    if (message.text.starts_with("RESOLVED")) {
      ++resolved;
    } else {
      ++fired;
    }
  }
  CHECK(rules == std::set<std::string>{"gradient-explosion", "wandb-unreachable"});
  CHECK(fired == 2);  // as a warning after two minutes, and once more when it became critical
  CHECK(resolved == 1);

  // Every row that was logged until a minute ago is there, once, in order.
  const std::vector<Observation> points = daemon.points("r1");
  std::int64_t expected = 0;
  std::size_t rows = 0;
  for (const Observation& point : points) {
    if (point.kind != ObservationKind::row) continue;
    CHECK(point.seq == expected++);
    ++rows;
  }
  CHECK(rows >= 599);

  // The explosion is told with the step and the time at which it happened, not those of its discovery.
  bool told = false;
  for (const alerts::Alert* alert : daemon.service->monitor().pipeline().lifecycle().recent()) {
    if (alert->last.rule != "gradient-explosion") continue;
    told = true;
    CHECK(alert->last.since_step == 3010);
    CHECK(to_rfc3339(alert->last.since) == "2026-11-23T05:00:00Z");
  }
  CHECK(told);
}

TEST_CASE("the first start on a project with 300 ended runs sends one digest and no flood", "[outage]") {
  SimulatedDaemon daemon;
  for (int i = 0; i < 300; ++i) {
    RunScript script = healthy_run("old" + std::to_string(i), kStart - 240h, 20);
    if (i % 3 == 0) script.states = {{30min, "failed"}};
    if (i % 5 == 0) script.rows.back().values["eval/accuracy"] = 0.5;
    daemon.wandb.add_run("ent", "proj", script);
  }
  daemon.start();
  daemon.run_for(30min);
  REQUIRE(daemon.slack.messages().size() == 1);
  CHECK_THAT(daemon.slack.messages()[0].plain, ContainsSubstring("300"));
  CHECK(daemon.slack.refusals().empty());
}

TEST_CASE("a run that dies during the outage is reported when W&B is back, with its last step", "[outage]") {
  SimulatedDaemon daemon;
  RunScript script = healthy_run("r1", kStart, 120);
  script.states = {{2h, "crashed"}};
  daemon.wandb.add_run("ent", "proj", script);
  daemon.wandb.faults().during(kStart + 30min, kStart + 4h, {.kind = FaultKind::dns_failure});
  daemon.start();
  daemon.run_for(5h);
  CHECK(daemon.count("run-failed") == 1);
  CHECK(daemon.count("run-silent") == 0);
}

TEST_CASE("a run that hangs while W&B goes on saying \"running\" is called silent", "[outage]") {
  SimulatedDaemon daemon;
  RunScript script = healthy_run("r1", kStart, 60);
  script.states.clear();  // the service never learns of its death
  script.heart_stops = 1h;
  daemon.wandb.add_run("ent", "proj", script);
  daemon.start();
  daemon.run_for(3h);
  CHECK(daemon.count("run-silent") >= 1);
}

TEST_CASE("a wrong key is one alert that says so, not a storm of requests", "[outage]") {
  SimulatedDaemon daemon;
  daemon.wandb.options().api_key = std::string(40, 'x');
  daemon.start();
  daemon.run_for(1h);
  CHECK(daemon.count("wandb-unreachable") >= 1);
  CHECK(daemon.count("wandb-unreachable") <= 2);
  CHECK(daemon.network.requests("api.wandb.ai") < 30);
}

TEST_CASE("one run whose history W&B cannot serve does not keep the others from being watched", "[outage]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("bad", kStart, 300));
  RunScript script = healthy_run("good", kStart, 300);
  for (std::size_t i = 60; i < script.rows.size(); ++i) script.rows[i].values["train/grad_norm"] = 5000.0;
  daemon.wandb.add_run("ent", "proj", script);
  daemon.wandb.faults().during(kStart, kStart + 4h, {.kind = FaultKind::bad_gateway, .run = "bad"});
  daemon.start();
  daemon.run_for(2h);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("wandb-unreachable") == 0);
  CHECK(daemon.points("bad").empty());
  daemon.run_for(4h);
  std::int64_t expected = 0;
  for (const Observation& point : daemon.points("bad")) {
    if (point.kind == ObservationKind::row && point.source == "wandb") CHECK(point.seq == expected++);
  }
  CHECK(expected == 300);
}

TEST_CASE("whatever W&B does for a while, no row is lost, none is kept twice, and nobody is paged for it",
          "[outage]") {
  const FaultKind kind = GENERATE(FaultKind::rate_limited, FaultKind::server_error, FaultKind::bad_gateway,
                                  FaultKind::graphql_errors, FaultKind::cut_body, FaultKind::slow_body,
                                  FaultKind::late, FaultKind::malformed, FaultKind::reset);
  CAPTURE(static_cast<int>(kind));
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 60));
  daemon.wandb.faults().during(kStart + 10min, kStart + 11min, {.kind = kind});
  daemon.wandb.faults().during(kStart + 20min, kStart + 21min, {.kind = kind, .retry_after = "30"});
  daemon.start();
  daemon.run_for(90min);
  std::int64_t expected = 0;
  for (const Observation& point : daemon.points("r1")) {
    if (point.kind == ObservationKind::row && point.source == "wandb") CHECK(point.seq == expected++);
  }
  CHECK(expected == 60);
  CHECK(daemon.slack_texts() == std::vector<std::string>{});
}

TEST_CASE("a clock that jumps a day makes no run look silent and no source stale", "[outage][clock]") {
  const Duration by = GENERATE(Duration{24h}, Duration{-24h});
  CAPTURE(by.count());
  SimulatedDaemon daemon;
  for (int i = 0; i < 3; ++i)
    daemon.wandb.add_run("ent", "proj", healthy_run("r" + std::to_string(i), kStart, 300));
  daemon.start();
  daemon.run_for(30min);
  daemon.clock.jump_wall_clock(by);
  daemon.run_for(2h);
  CHECK(daemon.count("run-silent") == 0);
  CHECK(daemon.count("wandb-stale") == 0);
  CHECK(daemon.points("r0").size() > 140);
}
