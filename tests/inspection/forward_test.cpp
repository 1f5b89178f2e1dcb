#include <algorithm>
#include <csignal>

#include "daemon/inspection/forward_runner.h"
#include "tests/inspection/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;

namespace {

/// One answer to one run: what redflag-forward writes, how long it takes, how it ends.
class OneShot final : public Process {
 public:
  OneShot(SimulatedClock& clock, std::string says, ProcessEnd end, Duration takes)
      : clock_(clock), says_(std::move(says)), end_(end), takes_(takes) {}
  asio::awaitable<bool> write(std::string_view) override { co_return true; }
  void close_input() override {}
  asio::awaitable<bool> read(std::string& into) override {
    if (takes_ > Duration::zero()) co_await clock_.sleep(std::exchange(takes_, Duration{}));
    if (killed_ || says_.empty()) co_return false;
    into += std::exchange(says_, {});
    co_return true;
  }
  asio::awaitable<ProcessEnd> ended() override { co_return killed_ ? ProcessEnd{0, SIGKILL} : end_; }
  void kill() override { killed_ = true; }
  Duration cpu_time() const override { return {}; }
  std::string last_words() const override { return end_.clean() ? "" : "torch: cannot allocate"; }

 private:
  SimulatedClock& clock_;
  std::string says_;
  ProcessEnd end_;
  Duration takes_;
  bool killed_ = false;
};

struct Bench : World, ProcessLauncher {
  std::string says = R"({"status":"ok"})";
  ProcessEnd end;
  Duration takes{};
  std::optional<Error> refuses;
  SpawnOptions started;

  Result<std::unique_ptr<Process>> launch(SpawnOptions options) override {
    if (refuses) return tl::unexpected<Error>(*refuses);
    started = std::move(options);
    return std::unique_ptr<Process>(new OneShot(clock, says, end, takes));
  }
  ForwardAnswer forward(ForwardLimits limits = {}) {
    ForwardRunner runner(clock, *this, memory, "/usr/bin/redflag-forward");
    return World::run(runner.run({"logits", "/r/checkpoint-100"}, limits));
  }
};

}  // namespace

TEST_CASE("redflag-forward's answer comes back, and it ran with its memory limit and gives way",
          "[forward]") {
  Bench bench;
  bench.says = R"({"status":"ok","logits":[1.5]})";
  bench.takes = 90s;
  const ForwardAnswer answer = bench.forward();
  REQUIRE(answer.checked());
  CHECK(answer.result["logits"][0] == 1.5);
  CHECK(bench.started.arguments ==
        std::vector<std::string>{"logits", "/r/checkpoint-100", "--memory", "4294967296"});
  CHECK(bench.started.memory_bytes == std::uint64_t{4} << 30);
  CHECK(bench.started.gives_way);
  const auto& environment = bench.started.environment;
  CHECK(std::count(environment.begin(), environment.end(), "OPENBLAS_NUM_THREADS=1") == 1);
}

TEST_CASE("a finding with an exit code of its own is still an answer", "[forward]") {
  Bench bench;
  bench.says = R"({"status":"bad"})";
  bench.end = {1, 0};
  CHECK(bench.forward().checked());
}

TEST_CASE("without redflag-forward the answer names the package that has it", "[forward]") {
  Bench bench;
  bench.refuses = Error{ErrorCode::not_found, false, "starting", "there is no such program", ""};
  const ForwardAnswer answer = bench.forward();
  CHECK_FALSE(answer.checked());
  CHECK(answer.result.is_null());
  CHECK(answer.not_checked == "redflag-forward is not installed (package redflag-forward)");
}

TEST_CASE("whatever goes wrong with redflag-forward, the reason is told and nothing passes", "[forward]") {
  Bench bench;
  std::string words;
  ForwardLimits limits;
  SECTION("it takes too long") {
    bench.takes = 1h;
    words = "was not done within 10 min";
  }
  SECTION("it crashes") {
    bench.end = {0, SIGSEGV};
    words = "died with SIGSEGV; its last words: torch: cannot allocate";
  }
  SECTION("it crashes after it has answered") {
    bench.end = {0, SIGABRT};
    words = "died with SIGABRT";
  }
  SECTION("it runs into its limit") {
    bench.end = {65, 0};
    words = "ran out of memory (its limit is 4.3 GB)";
  }
  SECTION("the kernel kills it") {
    bench.end = {0, SIGKILL};
    words = "as the kernel does when memory runs out";
  }
  SECTION("it fails without an answer") {
    bench.says = "";
    bench.end = {2, 0};
    words = "exit code 2";
  }
  SECTION("it writes what is no object") {
    bench.says = "[1,2]";
    words = "no JSON object";
  }
  SECTION("it nests without end") {
    bench.says = "{\"a\":" + std::string(100'000, '[');
    words = "no JSON object";
  }
  SECTION("it writes without end") {
    limits.longest_answer = 1000;
    bench.says = std::string(2000, ' ');
    words = "more than 1000 bytes";
  }
  SECTION("memory is short") {
    bench.memory.available = 1'000'000'000;
    words = "memory is short: 1.0 GB available, redflag-forward may need 4.3 GB";
  }
  const ForwardAnswer answer = bench.forward(limits);
  CHECK_FALSE(answer.checked());
  CHECK(answer.result.is_null());
  CHECK_THAT(answer.not_checked, ContainsSubstring(words));
}
