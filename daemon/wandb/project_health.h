// What the source says of itself, so that rules can flag "W&B unreachable" and stale data.
#pragma once

#include <optional>

#include "daemon/wandb/wandb_poller.h"

namespace redflag::daemon {

class ProjectHealth {
 public:
  explicit ProjectHealth(Subject subject) : subject_(std::move(subject)) {}

  /// Takes in the outcome of a poll that began at `started`. `lag` is the age of the newest heartbeat of an
  /// active run.
  void note(const PollSummary& summary, Duration lag, Time started);

  /// Facts when they changed since the last time they were told, or `due`. told() once they are committed.
  std::optional<Observation> facts(Time now, bool due) const;
  void told();

  /// Reachable unless the last poll failed for W&B's part.
  bool reachable() const { return state_.reachable; }

 private:
  struct State {
    bool reachable = true;
    std::string error;
    std::int64_t runs = 0;
    std::int64_t active_runs = 0;
    bool operator==(const State&) const = default;
  };

  Subject subject_;
  State state_;
  std::optional<State> told_;
  Time last_success_;
  Duration lag_{};
};

}  // namespace redflag::daemon
