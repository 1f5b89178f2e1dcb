// libFuzzer target: a history row as W&B sends it, from text to observation. Built and run by `./dev campaign
// fuzz`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "daemon/runs/attempt_tracker.h"
#include "daemon/runs/relaxed_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag;
  using namespace redflag::daemon;
  const std::string text(data, data + size);
  const auto row = parse_relaxed_json(text, "fuzzing");
  if (!row) return 0;
  static const MetricNames names;
  auto built = RowBuilder(names).build(*row, {{SubjectKind::run, "r"}, "r", "fuzz"});
  if (!built) return 0;
  AttemptTracker tracker;
  tracker.place(*built);
  if (!(AttemptTracker::restored(tracker.serialize()) == tracker)) std::abort();
  return 0;
}
