// The end of a run: told once, after everything that belongs to it; and what happens when the state lies.
#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Bench;
using test::kStart;
using Story = std::vector<std::string>;

void log_rows(test::FakeRun& run, std::int64_t from, std::int64_t to) {
  for (std::int64_t i = from; i < to; ++i) run.log(i, {{"train/loss", 2.0}, {"train/global_step", i}});
}

}  // namespace

TEST_CASE("the end of a run is told after its last rows and its totals", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 5);
  bench.polls(1);
  log_rows(run, 5, 2'500);
  run.state = "failed";
  run.summary = {{"eval/accuracy", 0.52}, {"_step", 2499}};
  bench.polls(3);
  CHECK(bench.intake.story("a") == Story{"facts running", "row", "mark", "row", "summary", "facts failed"});
  CHECK(bench.intake.run(Bench::key("a"))->state == RunState::failed);
}

TEST_CASE("a run that came and went between two polls is read whole and is not history", "[wandb][end]") {
  Bench bench;
  bench.polls(2);
  auto& run =
      bench.wandb.add({.id = "quick", .state = "failed", .created = kStart + 20s, .heartbeat = kStart + 25s});
  log_rows(run, 0, 3);
  bench.polls(1);
  CHECK(bench.intake.story("quick") == Story{"facts running", "row", "facts failed"});
  CHECK_FALSE(bench.intake.run(Bench::key("quick"))->historic);
}

TEST_CASE("rows that arrive after the end are not lost", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 5);
  run.state = "finished";
  run.heartbeat = kStart + 1s;
  bench.polls(3);
  log_rows(run, 5, 8);
  bench.polls(2);
  CHECK(bench.intake.sequence("a").size() == 8);
  CHECK(bench.intake.run(Bench::key("a"))->state == RunState::finished);
}

TEST_CASE("a run declared crashed that goes on training is followed on", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 5);
  bench.polls(1);
  run.state = "crashed";
  bench.polls(1);
  CHECK(std::get<bool>(*bench.intake.attribute(Bench::key("a"), "ended")));
  bench.polls(80);  // well past the grace
  const auto asked = bench.wandb.asked.size();
  bench.polls(1);
  CHECK_FALSE(bench.wandb.asked[asked].about("a"));
  run.state = "running";
  run.heartbeat = bench.clock.now();
  log_rows(run, 5, 9);
  bench.polls(1);
  CHECK(bench.intake.sequence("a").size() == 9);
  CHECK_FALSE(std::get<bool>(*bench.intake.attribute(Bench::key("a"), "ended")));
  CHECK(bench.intake.story("a").back() == "mark");
}

TEST_CASE("a run whose state says running for ever shows when it last gave a sign", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a", .heartbeat = kStart - 1min});
  bench.polls(1);
  CHECK(std::get<double>(*bench.intake.attribute(Bench::key("a"), "heartbeat_at")) ==
        to_unix_seconds(kStart - 1min));
  run.heartbeat = kStart;
  bench.polls(5);
  CHECK(std::get<double>(*bench.intake.attribute(Bench::key("a"), "heartbeat_at")) ==
        to_unix_seconds(kStart));
  CHECK(bench.intake.times_told(Bench::key("a"), "heartbeat_at") == 2);
  CHECK(bench.intake.times_told(Bench::key("a"), "state") == 1);
}

TEST_CASE("a run without heartbeat is still seen to die", "[wandb][end]") {
  Bench bench;
  bench.wandb.add({.id = "a"});
  for (int i = 0; i < 60; ++i)
    bench.wandb.add({.id = "old" + std::to_string(i),
                     .state = "finished",
                     .created = kStart - 24h,
                     .heartbeat = kStart - 23h});
  bench.polls(2);
  // Others have newer heartbeats by far; "a" is far down the list, and its heartbeat does not move when it is
  // declared dead.
  for (auto& [id, r] : bench.wandb.runs) {
    if (id != "a") r.heartbeat = kStart + 1h;
  }
  bench.wandb.runs["a"].state = "crashed";
  bench.clock.advance(1h);
  bench.polls(1);
  CHECK(bench.intake.run(Bench::key("a"))->state == RunState::crashed);
}

TEST_CASE("a deleted run is gone, but not at the first miss", "[wandb][end]") {
  Bench bench;
  bench.wandb.add({.id = "a"});
  bench.polls(1);
  bench.wandb.runs.clear();
  bench.polls(2);
  CHECK(bench.intake.story("a").back() == "mark");
  bench.polls(1);
  CHECK(bench.intake.story("a").back() == "gone");
  CHECK_FALSE(bench.intake.cursor(bench.poller->subject().key, "a"));
}

TEST_CASE("the end survives a restart before it is told, and is not told twice after", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 5);
  bench.polls(1);
  run.state = "finished";
  bench.restart();
  bench.polls(1);
  bench.restart();
  bench.polls(3);
  CHECK(bench.intake.story("a") == Story{"facts running", "row", "mark", "facts finished"});
}

TEST_CASE("totals are told even when they come by a second question", "[wandb][end]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  bench.polls(1);
  run.state = "finished";
  run.summary = {{"eval/f1", 81.0}};
  bool failing = true;
  bench.wandb.fault = [&](const test::Asked& asked) -> std::optional<Result<HttpResponse>> {
    if (failing && asked.operation == "RedflagRun") return test::http(502);
    return std::nullopt;
  };
  bench.polls(1);
  CHECK(bench.intake.story("a").back() == "facts finished");
  failing = false;
  bench.polls(1);
  CHECK(bench.intake.story("a").back() == "summary");
}

}  // namespace redflag::daemon
