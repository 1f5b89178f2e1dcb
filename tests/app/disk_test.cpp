// The whole daemon on a disk that fails: the law's one exception. Alerts go out from memory and say so; when
// the disk is back, nothing is missing and nothing is told twice.
#include <filesystem>
#include <fstream>
#include <numeric>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/app/simulated_daemon.h"
#include "tests/store/fault_vfs.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

/// Its gradient explodes `at` minutes after the start, and an hour later its loss is NaN.
RunScript failing_run(const std::string& id, std::size_t at) {
  RunScript script = healthy_run(id, kStart, 600);
  for (std::size_t i = at; i < script.rows.size(); ++i) {
    script.rows[i].values["train/grad_norm"] = 5000.0;
    if (i >= at + 60) script.rows[i].values["train/loss"] = "NaN";
  }
  return script;
}

std::size_t marked(const SimulatedDaemon& daemon, const std::string& rule) {
  std::size_t found = 0;
  for (const SlackMessage& m : daemon.slack.messages()) {
    if (m.plain.find("rule " + rule) == std::string::npos) continue;
    if (m.plain.find("not kept: ") != std::string::npos && m.text.find("not kept: ") != std::string::npos)
      ++found;
  }
  return found;
}

void check_whole(SimulatedDaemon& daemon, const std::string& run, std::int64_t at_least) {
  std::int64_t expected = 0;
  for (const Observation& point : daemon.points(run)) {
    if (point.kind == ObservationKind::row && point.source == "wandb") CHECK(point.seq == expected++);
  }
  CHECK(expected >= at_least);
}

}  // namespace

TEST_CASE(
    "the disk is full for an hour: every alert reaches Slack once and says that it is not kept; then all is "
    "kept",
    "[disk]") {
  const DiskFault fault = GENERATE(DiskFault::full, DiskFault::write_error);
  FaultVfs disk;
  SimulatedDaemon daemon;
  for (std::size_t i = 0; i < 5; ++i)
    daemon.wandb.add_run("ent", "proj", failing_run("r" + std::to_string(i), 35 + 10 * i));
  daemon.start();
  daemon.run_for(30min);
  CHECK(daemon.slack.messages().empty());
  disk.fault = fault;
  daemon.run_for(1h);
  CHECK(daemon.service->monitor().committer().undurable());
  CHECK(daemon.count("gradient-explosion") == 5);
  CHECK(marked(daemon, "gradient-explosion") == 5);
  CHECK(daemon.count(fault == DiskFault::full ? "redflag's disk is full"
                                              : "redflag's disk answers with errors") >= 1);
  CHECK(disk.refusals > 0);

  disk.fault = DiskFault::none;
  daemon.run_for(2min);
  CHECK(daemon.service->monitor().committer().idle());
  CHECK_FALSE(daemon.service->monitor().committer().undurable());
  CHECK(daemon.count("redflag keeps its state again") == 1);
  check_whole(daemon, "r0", 90);
  check_whole(daemon, "r4", 90);

  // Neither the going on nor a kill and a new start repeats anything.
  daemon.run_for(2h);
  daemon.kill();
  daemon.start();
  daemon.run_for(1h);
  CHECK(daemon.count("gradient-explosion") == 5);
  CHECK(daemon.count("loss-nan") == 5);
  CHECK(marked(daemon, "loss-nan") == 0);
  CHECK(daemon.slack.refusals().empty());
  std::size_t skipped = 0;
  const auto state = daemon.store->load(skipped);
  REQUIRE(state.has_value());
  CHECK(state->unsent.empty());
  CHECK(state->alerts.size() >= 10);
}

TEST_CASE("the reserve carries the daemon over a full disk without an alert that is not kept", "[disk]") {
  FaultVfs disk;
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", failing_run("r0", 40));
  daemon.start();
  daemon.run_for(30min);
  disk.reserve = daemon.config.store.state_directory + "/reserve";
  disk.spare_bytes = 8 << 20;
  disk.fault = DiskFault::full;
  daemon.run_for(2min);
  CHECK_FALSE(std::filesystem::exists(disk.reserve));
  std::filesystem::create_directory(disk.reserve);  // the real disk has space: it must not be made again
  daemon.run_for(1h);
  CHECK(daemon.count("redflag's disk is full") == 1);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("not kept") == 0);
  disk.fault = DiskFault::none;
  std::filesystem::remove(disk.reserve);
  daemon.run_for(30min);
  CHECK(std::filesystem::is_regular_file(disk.reserve));
}

TEST_CASE("a database that is damaged while the daemon runs is replaced, and no alert is lost or told twice",
          "[disk]") {
  FaultVfs disk;
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", failing_run("r0", 30));
  daemon.start();
  daemon.run_for(45min);
  CHECK(daemon.count("gradient-explosion") == 1);
  disk.fault = DiskFault::damaged;
  daemon.run_for(2h);
  CHECK(daemon.count("state database was damaged") == 1);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("loss-nan") == 1);
  daemon.kill();
  daemon.start();
  daemon.run_for(1h);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("loss-nan") == 1);
}

TEST_CASE("sources wait when too much is waiting for the disk, alerts do not", "[disk]") {
  FaultVfs disk;
  const TempDir dir;
  SimulatedClock clock(kStart);
  asio::io_context context(1);
  std::string notice;
  auto store = std::move(Store::open(dir.path(), Store::Mode::in_line, kStart, notice).value());
  Committer committer(context.get_executor(), clock, *store, {.most_bytes = 100'000});
  asio::co_spawn(context, committer.run(), asio::detached);
  asio::co_spawn(context, committer.watch(), asio::detached);
  disk.fault = DiskFault::full;
  int handed_over = 0;
  int told = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        for (;;) {
          Commit commit;
          commit.cursors = {{"source", "k", std::string(10'000, 'v')}};
          (void)co_await committer.submit(std::move(commit));
          co_await committer.room();
          ++handed_over;
          co_await clock.sleep(1s);
        }
      },
      asio::detached);
  clock.run_for(context, 10min);
  CHECK(handed_over > 5);
  CHECK(handed_over < 15);
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        Commit commit;
        commit.messages.emplace_back().id = "m1";
        told += co_await committer.submit(std::move(commit)) ? 100 : 1;
      },
      asio::detached);
  clock.run_for(context, 1ms);
  CHECK(told == 1);
  disk.fault = DiskFault::none;
  clock.run_for(context, 1min);
  CHECK(handed_over > 40);
  std::size_t skipped = 0;
  CHECK(store->load(skipped)->unsent.size() == 1);
}

TEST_CASE("what may linger shares a transaction within two seconds; what may not takes it along at once",
          "[disk]") {
  const TempDir dir;
  SimulatedClock clock(kStart);
  asio::io_context context(1);
  std::string notice;
  auto store = std::move(Store::open(dir.path(), Store::Mode::in_line, kStart, notice).value());
  Committer committer(context.get_executor(), clock, *store);
  asio::co_spawn(context, committer.run(), asio::detached);
  const auto post = [&](const std::string& value, bool may_linger) {
    Commit commit;
    commit.cursors = {{"source", "k", value}};
    committer.post(std::move(commit), may_linger);
    clock.run_for(context, 1ms);
  };
  post("a", true);
  clock.run_for(context, 1600ms);
  post("b", true);
  clock.run_for(context, 300ms);
  CHECK(committer.committed() == 0);
  clock.run_for(context, 100ms);  // two seconds after the first of them
  CHECK(committer.idle());
  post("c", true);
  CHECK_FALSE(committer.idle());
  post("d", false);
  CHECK(committer.idle());
  std::size_t skipped = 0;
  CHECK(store->load(skipped)->cursors.at(0).value == "d");
  post("e", true);
  committer.hurry();
  clock.run_for(context, 1ms);
  CHECK(committer.idle());
  post(std::string(400'000, 'v'), true);
  CHECK(committer.idle());  // memory is not what lingering may cost
}

TEST_CASE("rows of a file that a kill found lingering are read again, each once", "[disk]") {
  SimulatedDaemon daemon;
  const std::string run = daemon.directory / "runs/out/r1";
  std::filesystem::create_directories(run);
  daemon.config.local.directories = {{daemon.directory / "runs"}};
  daemon.start();
  daemon.run_for(3s);
  const auto log = [&](int from, int to) {
    for (int step = from; step < to; ++step) {
      std::ofstream(run + "/trainer_log.jsonl", std::ios::app)
          << R"({"current_steps": )" << step << R"(, "loss": 0.5})" << '\n';
      daemon.run_for(100ms);
    }
  };
  log(1, 25);
  CHECK_FALSE(daemon.service->monitor().committer().idle());
  daemon.kill();
  daemon.start();
  daemon.run_for(3s);
  log(25, 30);
  daemon.run_for(3s);
  std::vector<std::int64_t> steps;
  const Result<void> read = daemon.store->load_points(
      [](const Subject& subject) {
        return subject.kind == SubjectKind::run ? PointsWanted::all : PointsWanted::none;
      },
      [&](Observation&& point) { steps.push_back(point.step); });
  REQUIRE(read);
  std::vector<std::int64_t> all(29);
  std::iota(all.begin(), all.end(), 1);
  CHECK(steps == all);
}
