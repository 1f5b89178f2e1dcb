// Which runs are there: first start, filters, paging, changes.
#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Bench;
using test::kStart;
using Story = std::vector<std::string>;

test::FakeRun old_run(int i) {
  test::FakeRun run;
  run.id = "old" + std::to_string(i);
  run.name = "full_ft_sst2_seed" + std::to_string(i);
  run.state = i % 3 == 0 ? "failed" : "finished";
  run.created = kStart - 100h + std::chrono::minutes{i};
  run.heartbeat = run.created + 30min;
  run.summary = {{"eval/accuracy", 0.91}, {"train/train_loss", 0.4}, {"_step", 99}};
  for (int step = 0; step < 100; ++step) run.log(step, {{"train/loss", 1.0}});
  return run;
}

}  // namespace

TEST_CASE("a first start with hundreds of ended runs reads their totals and no history", "[wandb][listing]") {
  Bench bench;
  for (int i = 0; i < 300; ++i) bench.wandb.add(old_run(i));
  bench.wandb.add({.id = "live"}).log(0, {{"loss", 1.0}});
  const auto summary = bench.poll();
  CHECK(summary.runs == 301);
  CHECK(summary.active_runs == 1);
  CHECK(bench.wandb.count("RedflagRuns") == 7);
  REQUIRE(bench.wandb.count("RedflagHistory") == 1);
  for (const auto& asked : bench.wandb.asked) {
    if (asked.operation == "RedflagHistory") CHECK(asked.about("live"));
  }
  CHECK(bench.intake.story("old7") == Story{"facts", "summary", "facts finished"});
  CHECK(bench.intake.run(Bench::key("old7"))->historic);
  CHECK(bench.intake.run(Bench::key("old7"))->task == "sst2");
  CHECK_FALSE(bench.intake.run(Bench::key("live"))->historic);
  CHECK(bench.intake.curve("old7").empty());
  const auto told = bench.intake.inputs.size();
  bench.restart();
  bench.poll();
  CHECK(bench.intake.inputs.size() <= told + 2);  // the live run's watermark, and its config at most
}

TEST_CASE("a first start cut short goes on without telling anything twice", "[wandb][listing]") {
  Bench bench;
  for (int i = 0; i < 120; ++i) bench.wandb.add(old_run(i));
  int answers = 0;
  bench.wandb.fault = [&](const test::Asked&) -> std::optional<Result<HttpResponse>> {
    if (++answers == 2) return test::unreachable();
    return std::nullopt;
  };
  CHECK(bench.poll().error);
  // What ends after redflag first looked is no history, however long the outage.
  bench.clock.advance(2h);
  auto late = old_run(500);
  late.created = kStart - 5min;
  late.heartbeat = kStart + 1h;
  bench.wandb.add(late);
  bench.restart();
  CHECK_FALSE(bench.poll().error);
  for (int i = 0; i < 120; ++i) {
    CHECK(bench.intake.times_told(Bench::key("old" + std::to_string(i)), "state") == 1);
  }
  CHECK(bench.intake.curve("old500").size() == 100);
  CHECK_FALSE(bench.intake.run(Bench::key("old500"))->historic);
}

TEST_CASE("a quiet poll is one question", "[wandb][listing]") {
  Bench bench;
  for (int i = 0; i < 200; ++i) bench.wandb.add(old_run(i));
  for (const char* id : {"a", "b", "c"}) bench.wandb.add({.id = id}).log(0, {{"loss", 1.0}});
  bench.poll();
  const auto summary = bench.poll();
  CHECK(summary.requests == 1);
  CHECK(summary.new_rows == 0);
  CHECK(summary.caught_up);
}

TEST_CASE("several runs share one question for their new rows", "[wandb][listing]") {
  Bench bench;
  for (int i = 0; i < 10; ++i) bench.wandb.add({.id = "r" + std::to_string(i)});
  bench.poll();
  for (auto& [id, run] : bench.wandb.runs) run.log(0, {{"loss", 1.0}});
  const auto summary = bench.poll();
  CHECK(summary.new_rows == 10);
  CHECK(summary.requests == 2);
}

TEST_CASE("more active runs than fit into one question are all followed", "[wandb][listing]") {
  Bench bench;
  for (int i = 0; i < 130; ++i) bench.wandb.add({.id = "r" + std::to_string(i)});
  bench.poll();
  for (auto& [id, run] : bench.wandb.runs) run.log(0, {{"loss", 1.0}});
  CHECK(bench.poll().new_rows == 130);
}

TEST_CASE("runs that the filter does not choose are not told, even if the server ignores the filter",
          "[wandb][listing]") {
  WandbPollerOptions options;
  options.filter.names = {"full_ft_*"};
  options.filter.config = {{"task_name", "mrpc"}};
  Bench bench(options);
  bench.wandb.add({.id = "a", .name = "full_ft_mrpc_seed1", .config = {{"task_name", {{"value", "mrpc"}}}}});
  bench.wandb.add({.id = "b", .name = "full_ft_rte_seed1", .config = {{"task_name", {{"value", "rte"}}}}});
  bench.wandb.add({.id = "c", .name = "lora_mrpc_seed1", .config = {{"task_name", {{"value", "mrpc"}}}}});
  bench.polls(2);
  CHECK(bench.intake.runs.size() == 1);
  CHECK(bench.intake.runs.contains(Bench::key("a")));
  const std::string sent = bench.wandb.asked.at(0).variables["filters"].get<std::string>();
  CHECK_THAT(sent, ContainsSubstring("^full_ft_.*$"));
  CHECK_THAT(sent, ContainsSubstring("config.task_name"));
}

TEST_CASE("a run chosen for its state is followed to its end", "[wandb][listing]") {
  WandbPollerOptions options;
  options.filter.states = {RunState::running};
  Bench bench(options);
  bench.wandb.add({.id = "a"});
  bench.polls(1);
  bench.wandb.runs["a"].state = "failed";
  bench.polls(1);
  CHECK(bench.intake.run(Bench::key("a"))->state == RunState::failed);
}

TEST_CASE("a wider filter brings in the runs it now chooses", "[wandb][listing]") {
  Bench bench;
  bench.options.filter.tags = {"x"};
  bench.restart();
  bench.wandb.add({.id = "a", .tags = {"x"}});
  bench.wandb.add(old_run(1));
  bench.polls(2);
  CHECK(bench.intake.runs.size() == 1);
  bench.options.filter.tags.clear();
  bench.restart();
  bench.polls(1);
  CHECK(bench.intake.runs.size() == 2);
  CHECK(bench.intake.run(Bench::key("old1"))->historic);
}

TEST_CASE("a config filled in after the start is told", "[wandb][listing]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a", .name = "x"});
  bench.polls(1);
  CHECK(bench.intake.run(Bench::key("a"))->task.empty());
  run.config = {{"task_name", {{"value", "rte"}}}, {"learning_rate", {{"value", 2e-5}}}};
  bench.polls(6);
  CHECK(bench.intake.run(Bench::key("a"))->task == "rte");
  CHECK(std::get<double>(*bench.intake.attribute(Bench::key("a"), "config.learning_rate")) == 2e-5);
}

TEST_CASE("a run from before the first start that lives again is read from its start", "[wandb][listing]") {
  Bench bench;
  bench.wandb.add(old_run(1));
  bench.polls(1);
  auto& run = bench.wandb.runs["old1"];
  run.state = "running";
  run.heartbeat = bench.clock.now();
  bench.polls(1);
  CHECK(bench.intake.curve("old1").size() == 100);
  CHECK_FALSE(bench.intake.run(Bench::key("old1"))->historic);
}

TEST_CASE("names with quotes and braces travel as values", "[wandb][listing]") {
  Bench bench;
  const std::string id = "x\") { evil } \"\\\n\xc3\xa9";
  bench.wandb.add({.id = id}).log(0, {{"loss", 1.0}});
  bench.polls(2);
  CHECK(bench.intake.sequence(id).size() == 1);
  for (const auto& asked : bench.wandb.asked) {
    CHECK(json::parse(asked.request.body)["query"].get<std::string>().find("evil") == std::string::npos);
  }
}

}  // namespace redflag::daemon
