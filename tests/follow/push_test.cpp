// What scripts push: lines in, observations out, and the snippet of docs/push.md run by the system's Python.
#include <fstream>
#include <sstream>
#include <thread>

#include "daemon/api/push_answer.h"
#include "daemon/base/system_clock.h"
#include "tests/follow/followed.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

struct Pushed {
  asio::io_context context{1};
  SimulatedClock clock{*parse_rfc3339("2026-11-23T00:00:00Z")};
  KeptIntake intake;
  MetricNames names;
  JoinedIntake joined{intake, clock};
  PushIntake push{joined, clock, names, "api.wandb.ai"};
  PushResult take(std::string body) { return run_to_end(context, push.take(std::move(body))); }
};

constexpr const char* kRow = "{\"run\":\"r\",\"step\":1,\"metrics\":{\"train/loss\":1}}";

/// A machine whose processes come and go; redflagd may be started anew on what was kept.
struct Watched {
  SimulatedClock clock{*parse_rfc3339("2026-11-23T00:00:00Z")};
  KeptIntake intake;
  MetricNames names;
  std::map<std::int64_t, ProcessGlance> processes;
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<JoinedIntake> joined;
  std::unique_ptr<PushIntake> push;

  Watched() { start(); }
  ~Watched() { context = nullptr; }
  void start() {
    context = std::make_unique<asio::io_context>(1);
    joined = std::make_unique<JoinedIntake>(intake, clock);
    push = std::make_unique<PushIntake>(*joined, clock, names, "api.wandb.ai", [this](std::int64_t pid) {
      const auto found = processes.find(pid);
      return found == processes.end() ? std::nullopt : std::optional(found->second);
    });
    asio::co_spawn(*context, push->watch(), asio::detached);
    clock.run_for(*context, 1s);
  }
  void take(std::string body, std::int64_t pid) {
    asio::co_spawn(
        *context,
        [this, body = std::move(body), pid]() mutable -> asio::awaitable<void> {
          co_await push->take(std::move(body), pid);
        },
        asio::detached);
    run_for(1ms);
  }
  void run_for(Duration duration) { clock.run_for(*context, duration); }
  /// Rows from one process, a while.
  void train(std::int64_t pid, const std::string& row = kRow) {
    for (int i = 0; i < 4; ++i) {
      take(row, pid);
      run_for(3s);
    }
  }
  RunState state(const std::string& key = "push:r") { return intake.runs.at(key).state; }
};

}  // namespace

TEST_CASE("A run whose process is killed has crashed within fifteen seconds, with the reason", "[push]") {
  Watched world;
  world.processes[4711] = {100, {}};
  world.train(4711);
  CHECK(world.state() == RunState::running);
  world.run_for(1h);  // it may say nothing for long: its process lives
  CHECK(world.state() == RunState::running);
  world.processes.erase(4711);
  world.run_for(15s);
  CHECK(world.state() == RunState::crashed);
  CHECK(world.intake.text("push:r", "end_detail") ==
        "its process (pid 4711) has ended without having told an end");
  SECTION("and lives again when it is started again") {
    world.processes[4712] = {900, {}};
    world.take(kRow, 4712);
    CHECK(world.state() == RunState::running);
    CHECK(world.intake.text("push:r", "end_detail").empty());
  }
}

TEST_CASE("A process that told its end, or came to the last step, is not missed", "[push]") {
  Watched world;
  world.processes[4711] = {100, {}};
  SECTION("told") {
    world.train(4711);
    world.take("{\"run\":\"r\",\"event\":\"finished\"}", 4711);
  }
  SECTION("last step") {
    world.take("{\"run\":\"r\",\"event\":\"started\",\"config\":{\"max_steps\":1}}", 4711);
    world.train(4711);
  }
  world.processes.clear();
  world.run_for(1min);
  CHECK(world.intake.states["push:r"] == std::vector<std::string>{"running", "finished"});
}

TEST_CASE("What curl posts from a script, each time from a new process, is taken for no death", "[push]") {
  Watched world;
  for (std::int64_t pid = 100; pid < 120; ++pid) {
    world.processes = {{pid, {static_cast<std::uint64_t>(pid), {}}}};
    world.take(kRow, pid);
    world.processes.clear();
    world.run_for(10s);
  }
  CHECK(world.state() == RunState::running);
}

TEST_CASE("A process that cannot be seen, in a container of its own, is taken for no death", "[push]") {
  Watched world;
  const std::int64_t pid = GENERATE(0, 4711);
  world.train(pid);
  world.run_for(1h);
  CHECK(world.state() == RunState::running);
}

TEST_CASE("A run that W&B knows is given the time in which W&B tells of ends", "[push]") {
  Watched world;
  const std::string key = "api.wandb.ai/ent/proj/r";
  world.processes[4711] = {100, {}};
  world.train(4711, "{\"run\":\"r\",\"project\":\"ent/proj\",\"step\":1,\"metrics\":{\"train/loss\":1}}");
  world.processes.clear();
  world.run_for(85s);
  CHECK(world.state(key) == RunState::running);
  world.run_for(20s);
  CHECK(world.state(key) == RunState::crashed);
}

TEST_CASE("A process that ended while redflagd was down is missed after its start, pid and start compared",
          "[push]") {
  Watched world;
  world.processes[4711] = {100, {}};
  world.train(4711);
  SECTION("it lives") {
    world.start();
    world.run_for(1min);
    CHECK(world.state() == RunState::running);
  }
  SECTION("another one has its number") {
    world.processes[4711] = {5000, {}};
    world.start();
    world.run_for(15s);
    CHECK(world.state() == RunState::crashed);
  }
  SECTION("what was kept is damaged") {
    for (const char* const kept :
         {"", "[]", "{\"push:r\":[1]}", "{\"push:r\":[\"x\",-1,2]}", "{\"none\":[1,2,3]}"}) {
      world.intake.cursors[{"push-tellers", "all"}] = kept;
      world.start();
      world.run_for(1min);
      CHECK(world.state() == RunState::running);
    }
  }
}

TEST_CASE("A pushed row makes its run known and reaches the intake with its own step and time", "[push]") {
  Pushed world;
  const PushResult result = world.take(
      "{\"run\":\"r1\",\"name\":\"first\",\"step\":10,\"time\":1764000000.5,\"metrics\":{\"train/"
      "loss\":NaN,\"lr\":1e-5}}\n"
      "\n{\"run\":\"r1\",\"step\":20,\"metrics\":{\"train/loss\":0.5}}");
  CHECK(result.accepted == 2);
  CHECK(result.errors.empty());
  CHECK(world.intake.batches == 1);
  REQUIRE(world.intake.runs.contains("push:r1"));
  CHECK(world.intake.runs["push:r1"].name == "first");
  CHECK(world.intake.steps("push:r1", "train_loss") == std::vector<std::int64_t>{10, 20});
  CHECK(world.intake.rows[0].time == from_unix_seconds(1764000000.5));
  world.take("{\"run\":\"r1\",\"event\":\"failed\"}");
  CHECK(world.intake.runs["push:r1"].state == RunState::failed);
}

TEST_CASE("A pushed run that names its project is W&B's, and each point is told once", "[push]") {
  Pushed world;
  world.take("{\"run\":\"abc\",\"project\":\"ent/proj\",\"step\":10,\"metrics\":{\"train/loss\":0.5}}");
  SourceBatch late;
  Observation row;
  row.subject = {SubjectKind::run, "api.wandb.ai/ent/proj/abc"};
  row.run = row.subject.key;
  row.source = "wandb";
  row.seq = 0;
  row.step = 10;
  row.samples = {{"train_loss", 0.5, {}}, {"eval_loss", 0.7, {}}};
  late.inputs.emplace_back(row);
  run_to_end(world.context, world.joined.service().submit(std::move(late)));
  CHECK(world.intake.steps(row.run, "train_loss") == std::vector<std::int64_t>{10});
  CHECK(world.intake.steps(row.run, "eval_loss") == std::vector<std::int64_t>{10});
}

TEST_CASE("Each line that cannot be taken is named, and holds up no other", "[push]") {
  Pushed world;
  const std::vector<std::string> bad{"nonsense",
                                     "[1]",
                                     "{}",
                                     "{\"run\":7,\"metrics\":{}}",
                                     "{\"run\":\"a/b\",\"metrics\":{\"x\":1}}",
                                     "{\"run\":\"r\"}",
                                     "{\"run\":\"r\",\"metrics\":3}",
                                     "{\"run\":\"r\",\"metrics\":{\"x\":\"text\"}}",
                                     "{\"run\":\"r\",\"metrics\":{\"x\":1},\"step\":-1}",
                                     "{\"run\":\"r\",\"metrics\":{\"x\":1},\"time\":\"noon\"}",
                                     "{\"run\":\"r\",\"event\":\"exploded\"}",
                                     "{\"run\":\"r\",\"event\":1}",
                                     "{\"run\":\"r\",\"log\":[]}",
                                     "{\"run\":\"r\",\"metrics\":{\"x\":1},\"log\":\"both\"}",
                                     "{\"run\":\"r\",\"project\":\"none\",\"log\":\"x\"}",
                                     "{\"run\":\"" + std::string(300, 'r') + "\",\"log\":\"x\"}",
                                     "{\"run\":\"r\",\"event\":\"started\",\"config\":[]}"};
  std::string body;
  for (const std::string& line : bad) body += line + "\n";
  body += "{\"run\":\"r\",\"step\":1,\"metrics\":{\"train/loss\":1}}\n";
  const PushResult result = world.take(body);
  CHECK(result.accepted == 1);
  REQUIRE(result.errors.size() == bad.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    INFO(bad[i]);
    CHECK(result.errors[i].line == i + 1);
    CHECK_FALSE(result.errors[i].error.empty());
  }
}

TEST_CASE("A pushed log line that needs somebody is told", "[push]") {
  Pushed world;
  world.take("{\"run\":\"r\",\"log\":\"RuntimeError: CUDA out of memory. Tried to allocate\"}");
  CHECK(world.intake.text("push:r", "error") == "cuda_out_of_memory");
  CHECK(world.take("{\"run\":\"r\",\"log\":\"all is well\"}").accepted == 1);
}

TEST_CASE("More lines than a request may have are refused from there on", "[push]") {
  Pushed world;
  std::string body;
  for (std::size_t i = 0; i < kMostPushedLines + 10; ++i)
    body += "{\"run\":\"r\",\"step\":" + std::to_string(i) + ",\"metrics\":{\"x\":1}}\n";
  const PushResult result = world.take(body);
  CHECK(result.accepted == kMostPushedLines);
  CHECK(result.errors.size() == 1);
}

TEST_CASE("The Python of docs/push.md tells its rows, and without redflagd neither waits nor raises",
          "[push]") {
  if (!std::filesystem::exists("/usr/bin/python3")) return;
  std::ifstream page(std::string(REDFLAG_SOURCE_DIR) + "/docs/push.md");
  std::string snippet;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "```") inside = false;
    if (inside) snippet += line + "\n";
    if (line == "```python") inside = true;
  }
  REQUIRE_FALSE(snippet.empty());
  TempDir directory;
  const std::string socket = directory / "api.sock";
  std::ofstream(directory / "train.py") << snippet << R"(
import sys
redflag = Redflag("lora-rte-7", name="lora", path=sys.argv[1])
begin = time.monotonic()
for step in range(1, 1201):
    redflag.log({"train/loss": float("nan") if step == 700 else 0.5}, step=step)
    if step == 300: redflag.log({"bad": object()}, step=step)   # nothing of it may reach training
logged = time.monotonic() - begin
redflag.flush()
redflag.tell(event="finished")
redflag.flush()
print("logged" if logged < 2 else "slow", redflag.dropped)
)";
  const auto run = [&] {
    const std::string command =
        "/usr/bin/python3 " + (directory / "train.py") + " " + socket + " > " + (directory / "out") + " 2>&1";
    REQUIRE(std::system(command.c_str()) == 0);
    std::ifstream out(directory / "out");
    return std::string(std::istreambuf_iterator<char>(out), {});
  };
  CHECK(run().starts_with("logged "));  // nobody listens

  asio::io_context context(1);
  SystemClock clock;
  KeptIntake intake;
  MetricNames names;
  JoinedIntake joined(intake, clock);
  PushIntake push(joined, clock, names, "api.wandb.ai");
  std::set<std::int64_t> pids;
  HttpServer server(context.get_executor(), clock,
                    [&](ServerRequest request) -> asio::awaitable<ServerResponse> {
                      pids.insert(request.peer_pid);
                      co_return co_await api::answer_push(push, std::move(request.body), request.peer_pid);
                    });
  REQUIRE(server.listen_unix(socket, 0600));
  std::thread thread([&] { context.run(); });
  const std::string said = run();
  asio::post(context, [&] { server.stop(); });
  thread.join();
  CHECK(said.starts_with("logged "));
  const std::size_t dropped = std::stoul(said.substr(7));
  const std::vector<std::int64_t> steps = intake.steps("push:lora-rte-7", "train_loss");
  CHECK(steps.size() + dropped >= 1201);  // the one that was no number, too, is counted
  CHECK(steps.size() > 500);
  CHECK(intake.runs["push:lora-rte-7"].state == RunState::finished);
  // The socket says which process it was.
  CHECK(pids.size() == 1);
  CHECK(*pids.begin() > 1);
}
