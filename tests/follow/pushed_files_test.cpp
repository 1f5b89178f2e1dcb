// One training that pushes its rows, writes trainer_state.json and prints to a log: one run.
#include <set>

#include "daemon/follow/push.h"
#include "tests/follow/followed.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

/// A script that pushes, beside its files.
struct Pushing {
  explicit Pushing(Followed& world)
      : world_(world), push(*world.joined, world.clock, world.names, "api.wandb.ai", [this](std::int64_t) {
          return std::optional(ProcessGlance{7, outputs});
        }) {}
  void tell(const std::string& line) {
    asio::co_spawn(
        *world_.context, [this, line]() -> asio::awaitable<void> { co_await push.take(line, 4711); },
        asio::detached);
    world_.run_for(10ms);
  }
  Followed& world_;
  std::vector<std::string> outputs;
  PushIntake push;
};

std::set<std::string> told_runs(const Followed& world) {
  std::set<std::string> keys;
  for (const auto& [key, run] : world.intake.runs) keys.insert(key);
  return keys;
}

}  // namespace

TEST_CASE("What a script pushes, its trainer_state.json and the log it prints to are one run", "[follow]") {
  Followed world;
  std::filesystem::create_directories(world.path("out"));
  std::filesystem::create_directories(world.path("logs"));
  world.start();
  Pushing script(world);
  script.outputs = {world.path("logs/output.log")};
  const std::string started =
      "{\"run\":\"r\",\"name\":\"toy\",\"event\":\"started\",\"config\":{\"output_dir\":\"" +
      world.path("out") + "\"}}";
  const std::string state =
      R"({"global_step":20,"log_history":[{"loss":1.5,"step":10},{"loss":1.25,"step":20},{"eval_loss":1.0,"step":20}]})";
  std::string key = "push:r";
  SECTION("the script first") {
    script.tell(started);
    world.add("logs/output.log", "{'loss': 1.5, 'epoch': 0.1}\n");
    world.run_for(2s);
  }
  SECTION("its log first") {
    world.add("logs/output.log", "loading the model\n{'loss': 1.5, 'epoch': 0.1}\n");
    world.run_for(2s);
    script.tell(started);
    key = "file:" + world.path("logs");
  }
  script.tell("{\"run\":\"r\",\"step\":20,\"metrics\":{\"train/loss\":1.25}}");
  world.put("out/checkpoint-20/trainer_state.json", state);
  world.add("logs/output.log", "{'loss': 1.25, 'epoch': 0.2}\n");
  world.run_for(5s);
  CHECK(told_runs(world) == std::set<std::string>{key});
  CHECK(world.intake.runs.at(key).name == "toy");
  CHECK(world.intake.steps(key, "eval_loss") == std::vector<std::int64_t>{20});
  CHECK(world.intake.steps(key, "train_loss").size() <=
        3);  // each step once, whoever told it; a bar has none

  // What it died of is told with its end, and not before: training went on after it was logged.
  world.add(
      "logs/output.log",
      "Traceback (most recent call last):\n  File \"t.py\", line 1, in <module>\nValueError: bad batch\n");
  for (int i = 0; i < 15; ++i) {
    world.run_for(1min);
    script.tell("{\"run\":\"r\",\"event\":\"alive\"}");
    script.tell("{\"run\":\"r\",\"step\":" + std::to_string(30 + i) + ",\"time\":" +
                std::to_string(to_unix_seconds(world.clock.now())) + ",\"metrics\":{\"train/loss\":1.2}}");
  }
  CHECK(world.intake.text(world.path("logs/output.log"), "cause").empty());
  script.tell("{\"run\":\"r\",\"event\":\"failed\"}");
  world.run_for(5s);
  CHECK_FALSE(world.intake.text(world.path("logs/output.log"), "cause").empty());
  CHECK(world.intake.runs.at(key).state == RunState::failed);
}

TEST_CASE("A training that is started where another one ended is a run of its own", "[follow]") {
  Followed world;
  world.put("out/output.log", "{'loss': 1.5, 'epoch': 0.1}\n");
  world.make_old("out/output.log", 1h);
  world.start();
  Pushing script(world);
  script.tell("{\"run\":\"r\",\"event\":\"started\",\"config\":{\"output_dir\":\"" + world.path("out") +
              "\"}}");
  CHECK(told_runs(world).contains("push:r"));
}

TEST_CASE("One log of a script that trains one run after the other is the living one's", "[follow]") {
  Followed world;
  world.settings.logs = {world.path("all.log")};
  world.start();
  Pushing script(world);
  script.outputs = {world.path("all.log")};
  script.tell("{\"run\":\"a\",\"step\":1,\"metrics\":{\"train/loss\":1}}");
  world.add("all.log", "epoch 1\n");
  world.run_for(2s);
  script.tell("{\"run\":\"a\",\"event\":\"finished\"}");
  script.tell("{\"run\":\"b\",\"step\":1,\"metrics\":{\"train/loss\":1}}");
  world.add("all.log", "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n");
  world.run_for(5s);
  CHECK(world.intake.runs_of_facts[world.path("all.log")] == "push:b");
}
