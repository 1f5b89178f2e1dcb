// The part of the log that shows a run is alive: its newest step and numbers, now and then, and how it ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "daemon/monitor/intake.h"

namespace redflag::daemon {

class ProgressLog {
 public:
  static constexpr std::size_t kShownMetrics = 7;  ///< at most in a line

  explicit ProgressLog(Duration interval) : interval_(interval) {}
  /// Notes a batch before it is applied; logs a line for each run that has news and was quiet for the
  /// interval, and one for each that has ended.
  void note(const SourceBatch& batch, const Intake& intake, Duration monotonic);
  /// Drops what is remembered of the runs for which `finished` says yes.
  void forget(const std::function<bool(const std::string& run)>& finished) {
    std::erase_if(known_, [&](const auto& one) { return finished(one.first); });
  }

 private:
  struct News {
    std::int64_t step = -1;
    std::array<std::optional<double>, kShownMetrics> values;  // in the order they are shown
    void take(const Observation& row);
  };
  struct Known {
    News newest;  ///< of each metric that is shown, whenever it came: what is said of the run when it ends
    std::optional<Duration> told;  ///< when its last line was written
  };
  static std::string describe(const News& news);
  void tell_ends(const SourceBatch& batch, const Intake& intake) const;

  Duration interval_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace redflag::daemon
