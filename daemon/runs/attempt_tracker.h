// Which attempt of a run a row belongs to, and its training step when the row itself does not say.
//
// A run that is resumed from an older checkpoint logs steps again that it had logged before; those are the
// next attempt. Rows of one run can come from two loggers (HF's with train/global_step, the user's own
// callback without): the latter count log calls only, so they take the training step last seen and can never
// look like a resume.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/runs/row_builder.h"

namespace redflag::daemon {

/// State of one run. Rows must come in the order they were logged.
class AttemptTracker {
 public:
  /// Sets `attempt`, and `step` where the row has none as good as the run's others. A row with a training
  /// metric (train_loss, learning_rate, gradient_norm_total) below the highest such step opens the next
  /// attempt; an equal step does not. Summaries are placed but change nothing.
  void place(BuiltRow& row);

  /// The run was deleted and made anew under the same id: what comes now is another attempt.
  void restart();

  std::uint32_t attempt() const { return attempt_; }
  std::int64_t last_step() const { return last_step_; }  ///< -1 before the first

  /// One short line of text to be kept with the source's cursor; `restored` accepts nothing else and falls
  /// back to a fresh state.
  std::string serialize() const;
  static AttemptTracker restored(std::string_view text);

  bool operator==(const AttemptTracker&) const = default;

 private:
  std::uint32_t attempt_ = 1;
  std::int64_t highest_ = -1;    // of the rows with a training metric in this attempt
  std::int64_t last_step_ = -1;  // of any row
  StepOrigin origin_ = StepOrigin::none;
};

}  // namespace redflag::daemon
