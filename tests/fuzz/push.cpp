// libFuzzer target: any bytes as the body of POST /v1/observations, in two requests, with a process that
// comes and goes. Whatever is accepted has to reach the intake with its run known. Built and run by
// `./dev campaign fuzz`.
#include "daemon/follow/push.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/base/simulated_clock.h"
#include "tests/support/loop.h"

namespace {

using namespace redflag;
using namespace redflag::daemon;

class Checking final : public Intake {
 public:
  asio::awaitable<Result<void>> submit(SourceBatch batch) override {
    for (RunInfo& run : batch.runs) runs_.insert_or_assign(run.key, run);
    for (const auto& input : batch.inputs) {
      const auto* one = std::get_if<Observation>(&input);
      if (one == nullptr) continue;
      if (one->kind == ObservationKind::row && (!runs_.contains(one->run) || one->samples.empty()))
        std::abort();
      for (const Sample& sample : one->samples) {
        if (sample.metric.empty()) std::abort();
      }
    }
    for (const CursorUpdate& update : batch.cursors) cursors_[{update.source, update.key}] = update.value;
    co_return Result<void>{};
  }
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override {
    const auto found = cursors_.find({source, key});
    return found == cursors_.end() ? std::nullopt : std::optional(found->second);
  }
  const RunInfo* run(const std::string& key) const override {
    const auto found = runs_.find(key);
    return found == runs_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, RunInfo> runs_;
  std::map<std::pair<std::string, std::string>, std::string> cursors_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::chrono_literals;
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  SimulatedClock clock(*parse_rfc3339("2026-11-24T00:00:00Z"));
  Checking intake;
  const MetricNames names;
  follow::JoinedIntake joined(intake, clock);
  bool lives = true;
  follow::PushIntake push(joined, clock, names, "api.wandb.ai",
                          [&](std::int64_t pid) -> std::optional<ProcessGlance> {
                            if (!lives) return std::nullopt;
                            return ProcessGlance{static_cast<std::uint64_t>(pid), {"/data/out.log"}};
                          });
  asio::io_context context(1);  // last: what waits on the clock goes first
  asio::co_spawn(context, push.watch(), asio::detached);
  const std::size_t cut = data[0] * size / 256;
  for (const std::string_view body : {text.substr(0, std::min(cut, text.size())), text}) {
    const follow::PushResult result = test::run_to_end(context, push.take(std::string(body), data[0] % 3));
    if (result.accepted > follow::kMostPushedLines) std::abort();
    for (const follow::PushedLine& one : result.errors) {
      if (one.line == 0 || one.error.empty()) std::abort();
    }
    clock.run_for(context, 6s);
  }
  lives = false;
  clock.run_for(context, 100s);
  return 0;
}
