// What the source says of itself, and how it behaves when W&B is away.
#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using test::Bench;

using Answer = std::optional<Result<HttpResponse>>;
const std::string kSource = "wandb:api.wandb.ai/ent/proj";

bool reachable(const Bench& bench) {
  return std::get<bool>(bench.intake.attribute(kSource, "reachable").value());
}

}  // namespace

TEST_CASE("the source says that it is well, and repeats it each minute", "[wandb][health]") {
  Bench bench;
  bench.wandb.add({.id = "a"});
  bench.run_for(10min);
  CHECK(bench.poller->subject().key == kSource);
  CHECK(reachable(bench));
  CHECK(std::get<std::string>(*bench.intake.attribute(kSource, "kind")) == "wandb");
  CHECK(std::get<double>(*bench.intake.attribute(kSource, "active_runs")) == 1.0);
  const auto told = bench.intake.times_told(kSource, "reachable");
  CHECK(told >= 9);
  CHECK(told <= 13);
}

TEST_CASE("an outage of eight hours is told at once, and so is its end", "[wandb][health]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  run.log(0, {{"loss", 1.0}});
  bool down = false;
  bench.wandb.fault = [&](const test::Asked&) -> Answer {
    if (down) return test::unreachable();
    return std::nullopt;
  };
  bench.run_for(5min);
  down = true;
  const auto before = bench.wandb.asked.size();
  bench.run_for(30s);
  CHECK_FALSE(reachable(bench));
  CHECK_THAT(std::get<std::string>(*bench.intake.attribute(kSource, "error")),
             ContainsSubstring("connection refused"));
  bench.run_for(8h);
  CHECK(bench.wandb.asked.size() - before < 150);  // backs off
  CHECK(bench.wandb.asked.size() - before > 80);   // but keeps trying
  CHECK(bench.intake.times_told(kSource, "reachable") > 400);
  down = false;
  for (int step = 1; step < 2000; ++step) run.log(step, {{"loss", 1.0}});
  bench.run_for(7min);
  CHECK(reachable(bench));
  CHECK(std::get<std::string>(*bench.intake.attribute(kSource, "error")).empty());
  CHECK(bench.intake.sequence("a").size() == 2000);
}

TEST_CASE("a refused key is not hammered", "[wandb][health]") {
  Bench bench;
  bench.wandb.fault = [](const test::Asked&) -> Answer {
    return test::http(401, R"({"error":"unauthorized"})");
  };
  bench.run_for(1h);
  CHECK(bench.wandb.asked.size() <= 20);
  CHECK(bench.wandb.asked.size() >= 8);
  CHECK_FALSE(reachable(bench));
  CHECK_THAT(bench.polled.at(0).text(), ContainsSubstring("https://wandb.ai/authorize"));
}

TEST_CASE("a project that is not there is said with its name", "[wandb][health]") {
  Bench bench;
  bench.wandb.project_exists = false;
  const auto summary = bench.poll();
  REQUIRE(summary.error);
  CHECK(summary.error->code == ErrorCode::not_found);
  CHECK_THAT(summary.text(), ContainsSubstring("no project ent/proj or this key cannot read it"));
}

TEST_CASE("a Retry-After longer than the back-off is kept", "[wandb][health]") {
  Bench bench;
  bench.wandb.fault = [](const test::Asked&) -> Answer {
    return test::http(429, "{}", {{"Retry-After", "1800"}});
  };
  bench.run_for(2h);
  CHECK(bench.wandb.asked.size() <= 5);
  CHECK(bench.intake.times_told(kSource, "reachable") > 100);  // it goes on telling that it waits
}

TEST_CASE("polls are frequent while runs are active and rare while none is", "[wandb][health]") {
  Bench bench;
  bench.run_for(1h);
  CHECK(bench.polled.size() >= 58);
  CHECK(bench.polled.size() <= 62);
  bench.wandb.add({.id = "a", .created = bench.clock.now(), .heartbeat = bench.clock.now()});
  const auto before = bench.polled.size();
  bench.run_for(1h);
  CHECK(bench.polled.size() - before > 230);
}

TEST_CASE("a catch-up goes on without waiting for the next interval", "[wandb][health]") {
  Bench bench;
  bench.options.history_requests_per_poll = 1;
  bench.restart();
  auto& run = bench.wandb.add({.id = "a"});
  for (int step = 0; step < 45'000; ++step) run.log(step, {{"loss", 1.0}});
  bench.run_for(14s);
  CHECK(bench.intake.sequence("a").size() == 45'000);
}

TEST_CASE("a disk of ours that is full is not blamed on W&B", "[wandb][health]") {
  Bench bench;
  bench.wandb.add({.id = "a"});
  bench.run_for(1min);
  bench.intake.disk_full = true;
  bench.wandb.runs["a"].log(0, {{"loss", 1.0}});
  bench.run_for(1min);
  bench.intake.disk_full = false;
  bench.run_for(6min);
  CHECK(bench.intake.sequence("a").size() == 1);
  for (const auto& input : bench.intake.inputs) {
    const auto* facts = std::get_if<Observation>(&input);
    if (facts == nullptr || facts->subject.key != kSource) continue;
    for (const auto& [name, value] : facts->attributes) {
      if (name == "reachable") CHECK(std::get<bool>(value));
    }
  }
}

TEST_CASE("a dead run that says running does not make the source look stale", "[wandb][health]") {
  Bench bench;
  bench.wandb.add({.id = "zombie", .created = test::kStart - 500h, .heartbeat = test::kStart - 400h});
  auto& live = bench.wandb.add({.id = "live"});
  bench.clock.on_sleep = [&] { live.heartbeat = bench.clock.now() - 20s; };
  bench.run_for(10min);
  CHECK(std::get<double>(*bench.intake.attribute(kSource, "lag_seconds")) < 60.0);
  bench.clock.on_sleep = nullptr;
  bench.run_for(10min);
  CHECK(std::get<double>(*bench.intake.attribute(kSource, "lag_seconds")) > 500.0);
}

TEST_CASE("a poll is one line in the live log", "[wandb][health]") {
  Bench bench;
  bench.wandb.clock = &bench.clock;
  bench.wandb.latency = 120ms;
  bench.wandb.add({.id = "a"});
  CHECK_THAT(bench.poll().text(), ContainsSubstring("polled ent/proj: 1 run, 1 active, 0 new rows, 0.12 s"));
}

}  // namespace redflag::daemon
