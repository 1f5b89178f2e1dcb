// What the whole daemon shows: runs, tasks, the results tree, alerts, before and after a restart.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/overview/overview_json.h"
#include "daemon/simulator/torch_file_writer.h"
#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

template <typename T>
T now(SimulatedDaemon& daemon, asio::awaitable<T> asked) {
  std::optional<T> answer;
  asio::co_spawn(
      *daemon.context,
      [&answer, work = std::move(asked)]() mutable -> asio::awaitable<void> {
        answer.emplace(co_await std::move(work));
      },
      asio::detached);
  daemon.clock.run_for(*daemon.context, 5s, [&] { return answer.has_value(); });
  REQUIRE(answer);
  return std::move(*answer);
}

Overview overview(SimulatedDaemon& daemon, std::size_t most = 100) {
  return now(daemon, daemon.service->views().overview(most));
}

const RunView& run_in(const Overview& all, const std::string& id) {
  for (const RunView& run : all.runs) {
    if (run.info.id == id) return run;
  }
  throw std::runtime_error("no run " + id);
}

RunScript failing_run() {
  RunScript script = healthy_run("r2", kStart + 5min, 600);
  script.config["max_steps"] = 6000;
  for (std::size_t i = 30; i < script.rows.size(); ++i) script.rows[i].values["train/loss"] = 8.0;
  return script;
}

}  // namespace

TEST_CASE("The overview shows every run with its newest values, its pace and what is left", "[overview]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 60));
  daemon.wandb.add_run("ent", "proj", failing_run());
  daemon.start();
  daemon.run_for(2h);
  const Overview all = overview(daemon);
  CHECK(all.runs_total == 2);
  CHECK(all.running == 1);
  CHECK(all.finished == 1);
  REQUIRE(all.runs.size() == 2);
  CHECK(all.runs[0].info.id == "r2");  // it has a critical alert
  CHECK(all.runs[0].alerts.critical >= 1);
  CHECK(all.runs[0].total_steps == 6000);
  CHECK(all.runs[0].steps_per_second == Approx(1.0 / 6));
  CHECK(all.runs[0].value_of("train_loss") == 8.0);
  CHECK(all.runs[0].loss.back() == 8.0);
  CHECK(all.runs[0].leading_source == "wandb");
  REQUIRE(all.runs[0].remaining());
  CHECK(*all.runs[0].remaining() > 8h);
  const RunView& done = run_in(all, "r1");
  CHECK(done.step == 600);
  REQUIRE(done.score);
  CHECK(done.score->value > 0.9);
  CHECK(all.firing.critical >= 1);
  REQUIRE_FALSE(all.alerts.empty());
  CHECK(all.alerts[0].state == "firing");
  CHECK(all.alerts[0].about == "full_ft_sst2_seed42_r2");
  REQUIRE(all.sources.size() == 1);
  CHECK(all.sources[0].key == "wandb:api.wandb.ai/ent/proj");
  CHECK(all.sources[0].reachable == true);
  CHECK(all.sources[0].runs == 2);
  CHECK(daemon.clock.now() - all.sources[0].last_success < 2min);
  REQUIRE(all.tasks.size() == 4);
  for (const TaskView& task : all.tasks) {
    if (task.task != "sst2") continue;
    CHECK(task.verdict == ScoreVerdict::in_range);
    CHECK(task.methods.at(0).scores.at(0).name == "full_ft_sst2_seed42_r1");
  }
  CHECK(all.host.memory_total_bytes > all.host.memory_available_bytes);
  CHECK_FALSE(all.daemon.once);
  CHECK(overview(daemon, 1).runs.size() == 1);
  CHECK(overview(daemon, 1).runs_total == 2);
}

TEST_CASE("After a restart the overview shows what it showed, runs that had ended among it", "[overview]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 60));
  daemon.wandb.add_run("ent", "proj", failing_run());
  daemon.start();
  daemon.run_for(2h);
  const Overview before = overview(daemon);
  daemon.stop();
  daemon.start();
  daemon.run_for(10s);
  const Overview after = overview(daemon);
  for (const char* id : {"r1", "r2"}) {
    const RunView& was = run_in(before, id);
    const RunView& is = run_in(after, id);
    CHECK(is.step >= was.step);
    CHECK(is.loss.size() >= was.loss.size());
    CHECK(is.loss.front() == was.loss.front());
    CHECK(is.latest.size() == was.latest.size());
    CHECK(is.score.has_value() == was.score.has_value());
  }
  CHECK(json_of(run_in(after, "r1"))["latest"] == json_of(run_in(before, "r1"))["latest"]);
}

TEST_CASE("A run is found by key, id or name, and its curve is read from the store", "[overview]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 60));
  daemon.start();
  daemon.run_for(2h);
  Views& views = daemon.service->views();
  for (const std::string name : {"r1", "full_ft_sst2_seed42_r1", "api.wandb.ai/ent/proj/r1"}) {
    const auto run = now(daemon, views.run(name));
    REQUIRE(run);
    CHECK(run->info.config["seed"] == 42);
  }
  const auto none = now(daemon, views.run("full_ft_sst2_seed42_r2"));
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::not_found);
  CHECK(none.error().advice == "did you mean full_ft_sst2_seed42_r1?");
  CurveRequest wanted;
  wanted.metrics = {"train_loss"};
  const auto curves = now(daemon, views.curves("r1", wanted));
  REQUIRE(curves);
  REQUIRE(curves->size() == 1);
  CHECK(curves->at(0).points_total == 60);
  CHECK(curves->at(0).points.front().step == 10);
  const std::uint64_t seen = views.revision();
  daemon.wandb.add_run("ent", "proj", healthy_run("r3", daemon.clock.now(), 60));
  daemon.run_for(5min);
  CHECK(views.revision() > seen);
}

TEST_CASE("Evidence has the curves of the runs that count, and says why files were not looked into",
          "[overview]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 60));
  daemon.wandb.add_run("ent", "proj", failing_run());
  daemon.start();
  daemon.run_for(2h);
  const auto evidence = now(daemon, daemon.service->views().evidence());
  REQUIRE(evidence);
  REQUIRE(evidence->runs.size() == 2);
  CHECK(evidence->runs[0].key == daemon.run_key("r1"));  // its score counts
  CHECK(evidence->runs[0].curves.size() >= 6);
  CHECK_FALSE(evidence->runs[0].final_values.empty());
  CHECK_FALSE(evidence->contents_checked);
  CHECK(evidence->contents_reason == "no results directory is watched (results.roots)");
}

TEST_CASE("The results tree is shown step by step, with what is wrong and what is missing", "[overview]") {
  SimulatedDaemon daemon;
  const std::string root = daemon.directory / "results";
  const auto layer = [&](const std::string& path, bool whole = true) {
    std::filesystem::create_directories(root + "/" + path);
    std::ofstream(root + "/" + path + "/metadata.json")
        << R"({"step":100,"task_name":"mrpc","method":"full_finetune","timestamp":"2026-11-23T00:00:00Z",)"
           R"("num_samples":8,"layer_names":["layer_0"],"tensor_shapes":{"layer_0":[8,64]}})";
    if (whole) std::ofstream(root + "/" + path + "/layer_0.pt") << std::string(5000, 'x');
  };
  layer("representations/full_finetune_mrpc/step_100");
  layer("representations/full_finetune_mrpc/step_000300", false);
  std::filesystem::create_directories(root + "/run/checkpoint-500");
  std::filesystem::create_directories(root + "/run/final_model");
  std::filesystem::create_directories(root + "/run/logs");
  std::ofstream(root + "/run/logs/train.log") << "hello";
  daemon.config.results.roots = {{root}};
  daemon.start();
  daemon.run_for(2min);
  const Overview all = overview(daemon);
  REQUIRE(all.results.size() == 1);
  const ResultsView& tree = all.results[0];
  CHECK(tree.present);
  CHECK(tree.listed);
  CHECK(tree.root == root);
  CHECK(tree.summary.checkpoints == 2);
  CHECK(tree.summary.log_files == 1);
  CHECK(tree.disk_total_bytes > 0);
  REQUIRE(tree.representations.size() == 1);
  const SeriesView& steps = tree.representations[0];
  CHECK(steps.task == "mrpc");
  CHECK(steps.missing == std::vector<std::int64_t>{200});
  CHECK_FALSE(steps.has_base);
  REQUIRE(steps.cells.size() == 2);
  CHECK(steps.cells[0].step == 100);
  CHECK(steps.cells[0].state == StepCell::State::bad);  // its layer is no tensor file
  CHECK(steps.cells[1].step == 300);
  CHECK(steps.cells[1].state == StepCell::State::bad);
  CHECK_FALSE(steps.cells[1].detail.empty());
  REQUIRE(tree.checkpoints.size() == 1);
  REQUIRE(tree.checkpoints[0].cells.size() == 2);
  CHECK(tree.checkpoints[0].cells[0].step == 500);
  CHECK(tree.checkpoints[0].cells[1].step == -1);
  CHECK(tree.checkpoints[0].cells[0].state == StepCell::State::bad);
  bool spoken = false;
  for (const SourceView& source : all.sources)
    spoken = spoken || (source.kind == "results" && source.reachable == true);
  CHECK(spoken);

  // A step that is deleted is no longer shown, and its facts are no evidence any more.
  std::filesystem::remove_all(root + "/representations/full_finetune_mrpc/step_000300");
  daemon.run_for(2min);
  CHECK(overview(daemon).results[0].representations.at(0).cells.size() == 1);
  daemon.stop();
  std::filesystem::remove_all(root + "/run");
  daemon.start();
  daemon.run_for(2min);
  const auto evidence = now(daemon, daemon.service->views().evidence());
  REQUIRE(evidence);
  CHECK_FALSE(evidence->facts.empty());
  for (const SubjectFacts& facts : evidence->facts) {
    CHECK(facts.subject.key.find("/run/") == std::string::npos);
    CHECK(facts.subject.key.find("step_000300") == std::string::npos);
  }
}
