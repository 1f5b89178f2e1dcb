// One run that W&B cannot serve must not stop the others, and a service that is down is not blamed on a run.
#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using test::Bench;
using test::kStart;

using Answer = std::optional<Result<HttpResponse>>;

void add_runs(Bench& bench, int count) {
  for (int i = 0; i < count; ++i) {
    auto& run = bench.wandb.add({.id = "r" + std::to_string(i)});
    for (int step = 0; step < 5; ++step) run.log(step, {{"loss", 1.0}});
  }
}

std::string fetch_error(const Bench& bench, const std::string& run) {
  const auto told = bench.intake.attribute(Bench::key(run), "fetch_error");
  return told ? std::get<std::string>(*told) : "";
}

}  // namespace

TEST_CASE("a run whose history always gives 502 does not stop the others", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 10);
  bench.wandb.fault = [](const test::Asked& asked) -> Answer {
    if (asked.operation == "RedflagHistory" && asked.about("r3")) return test::http(502, "<html>");
    return std::nullopt;
  };
  const auto first = bench.poll();
  CHECK_FALSE(first.error);
  CHECK(first.failing_runs == 1);
  CHECK(first.new_rows == 45);
  CHECK_THAT(fetch_error(bench, "r3"), ContainsSubstring("502"));
  CHECK(fetch_error(bench, "r4").empty());
  bench.clock.advance(15s);
  CHECK(bench.poll().requests == 1);  // left alone for a while
  bench.polls(240);
  CHECK(bench.intake.times_told(Bench::key("r3"), "fetch_error") == 1);  // said once
  bench.wandb.fault = nullptr;
  bench.polls(130);
  CHECK(bench.intake.sequence("r3").size() == 5);
  CHECK(fetch_error(bench, "r3").empty());
  CHECK(bench.intake.times_told(Bench::key("r3"), "fetch_error") == 2);
}

TEST_CASE("a run named in an error beside data is left alone at once", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 4);
  bench.wandb.edit = [](nlohmann::json& reply, const test::Asked& asked) {
    if (asked.operation != "RedflagHistory") return;
    for (int i = 0; i < 4; ++i) {
      const std::string n = std::to_string(i);
      if (asked.variables.value("run" + n, "") != "r2") continue;
      reply["data"]["project"]["h" + n] = nullptr;
      reply["errors"] = {
          {{"message", "context deadline exceeded"}, {"path", {"project", "h" + n, "history"}}}};
    }
  };
  const auto summary = bench.poll();
  CHECK(summary.new_rows == 15);
  CHECK(summary.failing_runs == 1);
  CHECK(bench.wandb.count("RedflagHistory") == 1);
  CHECK_THAT(fetch_error(bench, "r2"), ContainsSubstring("deadline"));
}

TEST_CASE("an error that names nobody is traced to the run that causes it", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 6);
  bench.wandb.edit = [](nlohmann::json& reply, const test::Asked& asked) {
    if (asked.operation != "RedflagHistory" || !asked.about("r2")) return;
    reply["errors"] = {"internal error"};
    for (auto& alias : reply["data"]["project"]) alias = nullptr;
  };
  const auto summary = bench.poll();
  CHECK_FALSE(summary.error);
  CHECK(summary.new_rows == 25);
  CHECK(summary.failing_runs == 1);
}

TEST_CASE("a run that spoils even the listing is found, and its state is still seen", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 8);
  bench.polls(1);
  bench.wandb.fault = [](const test::Asked& asked) -> Answer {
    if (asked.about("r5")) return test::http(500);
    return std::nullopt;
  };
  for (auto& [id, run] : bench.wandb.runs) run.log(5, {{"loss", 1.0}});
  const auto summary = bench.poll();
  CHECK_FALSE(summary.error);
  CHECK(summary.new_rows == 7);
  CHECK(summary.failing_runs == 1);
  bench.wandb.runs["r5"].state = "crashed";
  bench.polls(60);
  CHECK(bench.intake.run(Bench::key("r5"))->state == RunState::crashed);
}

TEST_CASE("a failed run whose history cannot be read is still reported as failed", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 2);
  bench.wandb.runs["r0"].state = "failed";
  bench.wandb.runs["r0"].heartbeat = kStart + 1s;
  bench.wandb.fault = [](const test::Asked& asked) -> Answer {
    if (asked.operation == "RedflagHistory" && asked.about("r0")) return test::http(502);
    return std::nullopt;
  };
  bench.polls(20);
  CHECK(bench.intake.run(Bench::key("r0"))->state == RunState::failed);
  CHECK(bench.intake.sequence("r1").size() == 5);
}

TEST_CASE("when every run fails at once it is the service", "[wandb][isolation]") {
  Bench bench;
  add_runs(bench, 4);
  bench.wandb.fault = [](const test::Asked& asked) -> Answer {
    if (asked.operation == "RedflagHistory") return test::http(503);
    return std::nullopt;
  };
  const auto summary = bench.poll();
  REQUIRE(summary.error);
  CHECK(summary.error->retryable);
  CHECK(summary.failing_runs == 0);
  CHECK(summary.requests < 10);
  bench.wandb.fault = nullptr;
  bench.clock.advance(15s);
  CHECK(bench.poll().new_rows == 20);
}

TEST_CASE("pages too large to be sent at once are asked for one by one", "[wandb][isolation]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  for (int step = 0; step < 4000; ++step) run.log(step, {{"loss", 1.0}});
  bench.wandb.fault = [](const test::Asked& asked) -> Answer {
    if (asked.operation == "RedflagHistory" && asked.variables.contains("run1")) {
      return fail(ErrorCode::too_large, "receiving", "more than 64 MB", {}, false);
    }
    return std::nullopt;
  };
  const auto summary = bench.poll();
  CHECK_FALSE(summary.error);
  CHECK(summary.failing_runs == 0);
  CHECK(summary.new_rows == 4000);
}

}  // namespace redflag::daemon
