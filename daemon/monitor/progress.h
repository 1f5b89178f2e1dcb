// The part of the log that shows a run is alive: its newest step and numbers, now and then.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>

#include "daemon/monitor/intake.h"

namespace redflag::daemon {

class ProgressLog {
 public:
  explicit ProgressLog(Duration interval) : interval_(interval) {}
  /// Notes a batch before it is applied; logs a line for each run that has news and was quiet for the
  /// interval.
  void note(const SourceBatch& batch, const Intake& intake, Duration monotonic);
  /// Drops what is remembered of the runs for which `finished` says yes.
  void forget(const std::function<bool(const std::string& run)>& finished) {
    std::erase_if(last_, [&](const auto& one) { return finished(one.first); });
  }

 private:
  Duration interval_;
  std::unordered_map<std::string, Duration> last_;
};

}  // namespace redflag::daemon
