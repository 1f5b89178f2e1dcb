// The whole source on the event loop: a real directory, a real clock, an intake that keeps what it is given.
#include <functional>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/results/results_source.h"
#include "tests/results/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace std::chrono_literals;

namespace {

class LoopClock final : public Clock {
 public:
  explicit LoopClock(asio::io_context& loop) : loop_(loop) {}
  Time now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  Duration monotonic() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
  asio::awaitable<void> sleep(Duration duration) override {
    asio::steady_timer timer(loop_, std::max(Duration::zero(), std::min(duration, Duration{1h})));
    co_await timer.async_wait(asio::use_awaitable);
  }

 private:
  asio::io_context& loop_;
};

class KeepingIntake final : public Intake {
 public:
  std::size_t batches = 0;
  std::size_t largest = 0;
  int refusals = 0;
  std::map<std::string, std::map<std::string, Attribute>> facts;
  std::map<std::string, std::string> gone;
  std::map<std::string, std::string> cursors;

  asio::awaitable<Result<void>> submit(SourceBatch batch) override {
    if (refusals > 0) {
      --refusals;
      co_return fail(ErrorCode::storage, "committing", "disk full");
    }
    ++batches;
    largest = std::max(largest, batch.inputs.size());
    for (const auto& input : batch.inputs) {
      if (const auto* each = std::get_if<Observation>(&input)) {
        for (const auto& [name, value] : each->attributes) facts[each->subject.key][name] = value;
      } else if (const auto* left = std::get_if<Gone>(&input)) {
        gone[left->subject.key] = left->reason;
      }
    }
    for (const auto& update : batch.cursors) cursors[update.source + "|" + update.key] = update.value;
    co_return Result<void>{};
  }
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override {
    const auto it = cursors.find(source + "|" + key);
    return it == cursors.end() ? std::nullopt : std::optional(it->second);
  }
  const RunInfo* run(const std::string&) const override { return nullptr; }
  std::string text(const std::string& key, const std::string& name) {
    const auto it = facts[key].find(name);
    return it == facts[key].end() || !std::holds_alternative<std::string>(it->second)
               ? ""
               : std::get<std::string>(it->second);
  }
};

ResultsSettings quick(const std::string& root) {
  ResultsSettings settings;
  settings.root = root;
  settings.timing.settle = 20ms;
  settings.timing.empty_settle = 40ms;
  settings.timing.step_settle = 100ms;
  return settings;
}

struct Running {
  asio::io_context loop;
  LoopClock clock{loop};
  SystemInotify inotify;
  KeepingIntake& intake;
  std::unique_ptr<ResultsSource> source;

  Running(KeepingIntake& keeper, const std::string& root) : intake(keeper) {
    source = std::make_unique<ResultsSource>(loop.get_executor(), clock, intake, system_files(), inotify,
                                             quick(root));
    asio::co_spawn(loop, source->run(), asio::detached);
  }
  bool until(const std::function<bool()>& done) {
    const auto bound = std::chrono::steady_clock::now() + 30s;
    while (!done() && std::chrono::steady_clock::now() < bound) loop.run_one_for(50ms);
    return done();
  }
};

}  // namespace

TEST_CASE("a truncated file is told, its restoration too, and the source speaks of its own health",
          "[source]") {
  Scratch dir;
  const std::string step = dir / "representations/full_finetune_mrpc/step_000100";
  for (int i = 0; i < 3; ++i) put(step + "/layer_" + std::to_string(i) + ".pt", torch_zip(20000));
  put(step + "/metadata.json", metadata(100, "full_finetune", "mrpc", 3));
  KeepingIntake intake;
  Running running(intake, dir.path());
  REQUIRE(running.until([&] { return intake.text(step, "verdict") == "ok"; }));
  const std::string self = "results:" + dir.path();
  REQUIRE(running.until([&] { return intake.text(self, "watching") == "inotify"; }));
  CHECK(std::get<bool>(intake.facts[self]["reachable"]));

  put(step + "/layer_1.pt", torch_zip(20000).substr(0, 4096));
  REQUIRE(running.until([&] { return intake.text(step + "/layer_1.pt", "verdict") == "truncated"; }));
  CHECK_THAT(intake.cursors[self + "|"], ContainsSubstring("layer_1.pt"));
  put(step + "/layer_1.pt", torch_zip(20000));
  REQUIRE(running.until([&] { return intake.text(step + "/layer_1.pt", "verdict") == "ok"; }));
  CHECK(intake.cursors[self + "|"] == "[]");
  CHECK(running.source->summary().series.size() == 1);
}

TEST_CASE("the first listing of a large tree makes few batches of bounded size", "[source]") {
  Scratch dir;
  const std::string whole = torch_zip(1000);
  for (int step = 100; step <= 5000; step += 100) {
    const std::string path = dir / ("representations/lora_rte/step_" + std::to_string(step));
    for (int i = 0; i < 30; ++i) put(path + "/layer_" + std::to_string(i) + ".pt", whole);
  }
  KeepingIntake intake;
  intake.refusals = 1;
  Running running(intake, dir.path());
  REQUIRE(running.until([&] { return intake.facts.size() >= 1500; }));
  CHECK(intake.largest <= 1001);  // the source's own facts ride along
  CHECK(intake.batches <= 6);
}

TEST_CASE("an absent root is told and a file gone while redflag was stopped departs", "[source]") {
  Scratch dir;
  const std::string root = dir / "results";
  const std::string self = "results:" + root;
  KeepingIntake intake;
  {
    Running running(intake, root);
    REQUIRE(running.until([&] { return intake.text(self, "watching") == "absent"; }));
    CHECK_FALSE(std::get<bool>(intake.facts[self]["present"]));
    put(root + "/representations/lora_rte/step_1/layer_0.pt", "");
    REQUIRE(running.until([&] {
      return intake.text(root + "/representations/lora_rte/step_1/layer_0.pt", "verdict") == "empty";
    }));
  }
  std::filesystem::remove_all(root + "/representations");
  Running again(intake, root);
  REQUIRE(again.until(
      [&] { return intake.gone.count(root + "/representations/lora_rte/step_1/layer_0.pt") == 1; }));
}
