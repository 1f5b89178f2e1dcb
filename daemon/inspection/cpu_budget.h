// How much of one core the inspection of files may use, so that a training beside it does not feel it. Pure.
#pragma once

#include "rules/values/time.h"

namespace redflag::daemon {

/// In no minute more than `share` of a core, but for what the last file cost beyond it: that is paid back by
/// waiting longer. Short work goes without pauses: up to a second of CPU may be saved up.
class CpuBudget {
 public:
  /// `share`: 0.5 is half of one core; 1 and above still bound a child of several threads.
  explicit CpuBudget(double share);

  /// How long the next file has to wait; zero when it may begin.
  Duration wait(Duration now);
  void charge(Duration now, Duration cpu);

 private:
  void add_since_last(Duration now);

  double saved_;   ///< seconds of CPU; negative: owed
  double most_;    ///< that may be saved
  double refill_;  ///< a second
  Duration last_{};
  bool begun_ = false;
};

}  // namespace redflag::daemon
