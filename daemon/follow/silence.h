// A run is silent only if every source of it is. The engine measures a run's age from its last row to its
// watermark, so what several sources know of its silence is joined into one watermark:
//
//  - each source says up to when it has told everything. The best of them counts: W&B being down neither
//    raises a stall (nobody says that the time has passed) nor hides one that the disk shows;
//  - a file that is written in blocks (`.wandb` of the newer SDK: 32 KiB) proves nothing by standing still,
//  so
//    such a source says nothing; growing, it tells rows;
//  - signs of life that are no rows (a progress bar that moves, lines on the console) push the age back: the
//    watermark is set so that the age is the time since the last sign, whoever gave it.
#pragma once

#include <optional>

#include "rules/values/time.h"

namespace redflag::daemon::follow {

/// Of one run. Pure.
class SilenceJoin {
 public:
  /// A row happened at this time. Time{} is passed over.
  void row(Time at);
  /// The run gave a sign of life that is no row.
  void life(Time at);
  /// A source has told everything up to `at`. The watermark for the engine; nullopt: nothing new follows.
  std::optional<Time> told_up_to(Time at);

  Time last_row() const { return last_row_; }
  Time last_life() const { return last_life_; }

 private:
  Time last_row_;
  Time last_life_;
  Time complete_;  // the best of what the sources said
  Time given_;
};

}  // namespace redflag::daemon::follow
