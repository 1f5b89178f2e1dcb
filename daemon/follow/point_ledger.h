// Each point once, the sooner source first. Several sources tell of one run: W&B's API half a minute late,
// the `.wandb` file at once or in blocks, TensorBoard, the console, trainer_state.json with its whole history
// at each checkpoint. This book knows what was told, and takes from a row what somebody else has told
// already.
//
// Rows of W&B's API and of `.wandb` files are the same rows: `_step` tells which, exactly. Between any other
// two sources a point is a metric at a training step of an attempt. A source is never held against itself:
// what it logs twice it means twice, and its cursor sees to it that it is read once.
//
// Attempts are counted by each source on its own (AttemptTracker). One that came late, or lost rows, may
// count otherwise; here they become attempts of the run: whoever goes back first opens one, the others
// follow.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/follow/step_set.h"
#include "rules/values/observation.h"

namespace redflag::daemon::follow {

/// "wandb" and "wandb_file": their `seq` is W&B's `_step`.
bool has_wandb_sequence(const Observation& row);

/// The book of one run. Pure; memory: a few dozen bytes for each metric and source that logs regularly.
class PointLedger {
 public:
  static constexpr std::size_t kMostAttempts =
      8;  ///< of which steps are known; older ones are told as they come

  /// Takes from `row` (a row of the run's curves) the samples that another source has told, sets its attempt
  /// to the run's, and remembers the rest as told. False: nothing is left of it.
  bool take(Observation& row);

  /// Whether a row of any source told of this metric.
  bool knows(std::string_view metric) const;

  /// `source` reads a file from its beginning again: from now on it is held against itself, too.
  void read_again(const std::string& source) { again_.insert(source); }

  /// A point that was told before the restart, as it is kept: its attempt is already the run's.
  void recall(const Observation& told);

  /// How the sources' attempts map to the run's: short, changes seldom, has to be kept. `attempts_changed`
  /// since it was last asked for.
  std::string serialize_attempts() const;
  void restore_attempts(std::string_view text);
  bool attempts_changed() const { return attempts_changed_; }
  void attempts_kept() { attempts_changed_ = false; }

  /// Everything, for a run that has ended: its points are not read back after a restart.
  std::string serialize() const;
  /// Adds to what is there. Anything else than what `serialize` gave is passed over.
  void restore(std::string_view text);

  std::uint32_t attempt() const { return attempt_; }

 private:
  struct Place {
    std::uint32_t own = 0;     ///< attempt, as the source counts
    std::uint32_t run = 1;     ///< which is this one of the run
    std::int64_t newest = -1;  ///< `_step` that it told last
  };
  using BySource = std::vector<std::pair<std::string, StepSet>>;
  using ByMetric = std::map<std::string, BySource, std::less<>>;

  std::uint32_t place(const std::string& group, const Observation& row, bool told);
  bool told_by_others(const BySource& sources, std::string_view group, std::int64_t step) const;
  ByMetric& told_in(std::uint32_t attempt);
  void note(const std::string& group, const Observation& row);
  void note_sequence(const Observation& row);

  std::map<std::uint32_t, ByMetric> told_;                   // by the run's attempt
  StepSet sequence_;                                         // of W&B's rows
  std::map<std::int64_t, std::uint32_t> sequence_attempts_;  // first `_step` → attempt, where one begins
  std::map<std::string, Place> places_;
  std::map<std::uint32_t, std::int64_t> first_steps_;  // of attempts
  std::set<std::string, std::less<>> again_;
  std::uint32_t attempt_ = 1;
  bool attempts_changed_ = false;
};

}  // namespace redflag::daemon::follow
