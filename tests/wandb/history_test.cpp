// The curves: every row once, in order, with its true step, whatever happens on the way.
#include <algorithm>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Bench;
using test::kStart;

std::vector<std::int64_t> counting(std::int64_t to) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(to));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

void log_rows(test::FakeRun& run, std::int64_t from, std::int64_t to) {
  for (std::int64_t i = from; i < to; ++i) {
    run.log(i, {{"train/loss", 2.0},
                {"train/global_step", 10 * (i + 1)},
                {"_timestamp", 1.8e9 + static_cast<double>(i)}});
  }
}

}  // namespace

TEST_CASE("a run in progress is read whole, then only what is new", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 30);
  const auto first = bench.poll();
  CHECK(first.new_rows == 30);
  CHECK(first.caught_up);
  CHECK(first.active_runs == 1);
  CHECK(bench.poll().new_rows == 0);
  CHECK(bench.wandb.count("RedflagHistory") == 1);
  log_rows(run, 30, 33);
  CHECK(bench.poll().new_rows == 3);
  CHECK(bench.intake.sequence("a") == counting(33));
  CHECK(bench.intake.curve("a").front() == "10:2");
  CHECK(bench.intake.curve("a").back() == "330:2");
  CHECK(bench.wandb.asked.back().variables["min0"] == 30);
}

TEST_CASE("empty pages between two rows do not end the reading", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  for (const std::int64_t step : {0, 5, 4200, 12'999, 40'000}) run.log(step, {{"loss", 1.0}});
  const auto summary = bench.poll();
  CHECK(summary.caught_up);
  CHECK(bench.intake.sequence("a") == std::vector<std::int64_t>{0, 5, 4200, 12'999, 40'000});
}

TEST_CASE("steps millions apart are crossed in few requests, and no row is sampled away",
          "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  std::vector<std::int64_t> logged;
  for (std::int64_t i = 0; i < 3000; ++i) logged.push_back(i);
  for (std::int64_t i = 0; i < 3000; ++i) logged.push_back(900'000'000 + i * 3);
  for (const auto step : logged) run.log(step, {{"loss", 1.0}});
  for (int i = 0; i < 20 && !bench.poll().caught_up; ++i) {
  }
  CHECK(bench.intake.sequence("a") == logged);
  CHECK(bench.wandb.count("RedflagHistory") < 120);
}

TEST_CASE("an outage in mid-catch-up loses no row and repeats none", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 25'500);
  int answers = 0;
  bench.wandb.fault = [&](const test::Asked&) -> std::optional<Result<HttpResponse>> {
    if (++answers > 2) return test::unreachable();
    return std::nullopt;
  };
  const auto broken = bench.poll();
  REQUIRE(broken.error);
  CHECK(broken.error->code == ErrorCode::unavailable);
  CHECK(bench.intake.sequence("a") == counting(10'000));
  for (const auto& word : bench.intake.story("a")) CHECK(word != "mark");
  bench.clock.advance(8h);
  log_rows(run, 25'500, 26'000);
  bench.wandb.fault = nullptr;
  for (int i = 0; i < 5 && !bench.poll().caught_up; ++i) {
  }
  CHECK(bench.intake.sequence("a") == counting(26'000));
  CHECK(bench.intake.story("a").back() == "mark");
}

TEST_CASE("a restart at any batch loses no row and repeats none", "[wandb][history]") {
  Bench bench;
  bench.options.history_requests_per_poll = 1;
  bench.options.pages_per_request = 2;
  bench.restart();
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 7'777);
  for (int i = 0; i < 10; ++i) {
    bench.poll();
    bench.restart();
  }
  CHECK(bench.intake.sequence("a") == counting(7'777));
}

TEST_CASE("a batch that could not be kept is read again", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 10);
  bench.poll();
  log_rows(run, 10, 20);
  bench.intake.disk_full = true;
  const auto failed = bench.poll();
  REQUIRE(failed.error);
  CHECK(failed.error->code == ErrorCode::storage);
  bench.intake.disk_full = false;
  bench.poll();
  CHECK(bench.intake.sequence("a") == counting(20));
}

TEST_CASE("a batch holds at most a thousand rows, and the cursor that belongs to them", "[wandb][history]") {
  Bench bench;
  for (const char* id : {"a", "b", "c"}) log_rows(bench.wandb.add({.id = id}), 0, 2'345);
  bench.poll();
  for (const auto& batch : bench.intake.batches) {
    std::size_t rows = 0;
    std::map<std::string, std::int64_t> highest;
    for (const auto& input : batch.inputs) {
      const auto* row = std::get_if<Observation>(&input);
      if (row == nullptr || row->kind != ObservationKind::row) continue;
      ++rows;
      highest[row->run.substr(row->run.rfind('/') + 1)] = row->seq;
    }
    CHECK(rows <= 1000);
    for (const auto& [id, seq] : highest) {
      const auto cursor = std::find_if(batch.cursors.begin(), batch.cursors.end(),
                                       [&](const auto& c) { return c.key == id; });
      REQUIRE(cursor != batch.cursors.end());
      CHECK(json::parse(cursor->value)["next"].get<std::int64_t>() == seq + 1);
    }
  }
}

TEST_CASE("a last step that is ahead of the rows is waited for, but not for ever", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 10);
  run.last_step = 11;
  bench.polls(1);
  CHECK(bench.intake.story("a").back() == "row");
  log_rows(run, 10, 12);
  bench.polls(1);
  CHECK(bench.intake.sequence("a") == counting(12));
  CHECK(bench.intake.story("a").back() == "mark");
  run.last_step = 20;
  bench.polls(2);
  CHECK(bench.intake.story("a").back() == "mark");
  const auto marks = bench.intake.story("a").size();
  bench.polls(2);
  CHECK(bench.intake.story("a").size() > marks);
}

TEST_CASE("NaN arrives as NaN in every spelling, and an unreadable row costs only itself",
          "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  run.rows[0] = R"({"_step":0,"train/loss":"NaN"})";
  run.rows[1] = R"({"_step":1.0,"train/loss":NaN})";
  run.rows[2] = R"({"_step":2,"train/loss":1e999})";
  run.rows[3] = R"({"_step":3,"train/loss":)";
  run.rows[4] = R"({"_step":4,"train/loss":null,"train/grad_norm":"-Infinity"})";
  const auto summary = bench.poll();
  CHECK(summary.unreadable_rows == 1);
  CHECK(bench.intake.curve("a") == std::vector<std::string>{"0:nan", "1:nan", "2:inf"});
  CHECK(bench.intake.curve("a", "gradient_norm_total") == std::vector<std::string>{"4:-inf"});
  CHECK(bench.poll().new_rows == 0);
}

TEST_CASE("a resumed run opens its second attempt, also across a restart", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  log_rows(run, 0, 10);
  bench.polls(1);
  bench.restart();
  run.log(10, {{"train/loss", 1.5}, {"train/global_step", 60}});
  bench.polls(1);
  std::vector<std::uint32_t> attempts;
  for (const auto& input : bench.intake.inputs) {
    const auto* row = std::get_if<Observation>(&input);
    if (row != nullptr && row->kind == ObservationKind::row) attempts.push_back(row->attempt);
  }
  REQUIRE(attempts.size() == 11);
  CHECK(attempts[9] == 1);
  CHECK(attempts[10] == 2);
}

TEST_CASE("HF's closing totals never enter the loss curve", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  run.log(0, {{"train/loss", 0.5}, {"train/global_step", 100}});
  run.log(1, {{"train/train_loss", 1.7}, {"train/train_runtime", 99.0}, {"train/global_step", 100}});
  bench.poll();
  CHECK(bench.intake.curve("a") == std::vector<std::string>{"100:0.5"});
  CHECK(bench.intake.story("a") == std::vector<std::string>{"facts running", "row", "summary", "mark"});
}

TEST_CASE("a run made anew under its old id is read from the start as another attempt", "[wandb][history]") {
  Bench bench;
  log_rows(bench.wandb.add({.id = "a"}), 0, 10);
  bench.polls(1);
  auto& again = bench.wandb.add({.id = "a", .created = kStart + 1min, .heartbeat = kStart + 1min});
  log_rows(again, 0, 3);
  bench.polls(1);
  auto numbers = counting(10);
  for (const auto n : counting(3)) numbers.push_back(n);
  CHECK(bench.intake.sequence("a") == numbers);
}

TEST_CASE("memory the run does not log is taken from the agent's own figures", "[wandb][history]") {
  Bench bench;
  auto& run = bench.wandb.add({.id = "a"});
  run.system_metrics = {{"system.proc.memory.rssMB", 3000.0},
                        {"system.gpu.0.memoryAllocatedBytes", 1048576.0 * 20000},
                        {"system.cpu", 50}};
  run.log(0, {{"train/loss", 0.5}, {"memory/cpu_memory_rss_mb", 2500.0}, {"train/global_step", 100}});
  bench.polls(6);
  CHECK(bench.intake.curve("a", "cpu_memory_rss_mb") == std::vector<std::string>{"100:2500"});
  CHECK(bench.intake.curve("a", "gpu_memory_mb") == std::vector<std::string>{"100:20000"});
  CHECK(bench.intake.sequence("a") == counting(1));
}

}  // namespace redflag::daemon
