// Did the learning rate do what its schedule says? Judged from the curve as it was logged, and from the
// configuration where that names the schedule. Pure.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/overview/evidence.h"

namespace redflag::daemon::validate {

struct ScheduleSays {
  enum class Verdict : std::uint8_t { plausible, wrong, unclear } verdict = Verdict::unclear;
  std::string words;  ///< "warm-up to step 100 (2e-05), then falls to 0 at step 1,000"
  std::string advice;
  std::int64_t step = -1;
};

/// `last_step` is the run's; `finished`: it came to its own end. `config` as the run logged it:
/// lr_scheduler_type, warmup_steps, warmup_ratio are read when there.
ScheduleSays judge_schedule(const Curve& curve, const nlohmann::json& config, std::int64_t last_step,
                            std::int64_t total_steps, bool finished);

}  // namespace redflag::daemon::validate
