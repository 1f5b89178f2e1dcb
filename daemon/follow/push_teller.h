// Which process pushes a run's rows. It is the training, or speaks for it: once it is gone without having
// told an end, none will come.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/values/time.h"

namespace redflag::daemon::follow {

/// Of one run. Pure; times are monotonic.
class PushTeller {
 public:
  /// A process has to push for so long before its end says anything: what a shell script's curl posts comes
  /// from a new process each time.
  static constexpr Duration kProven = std::chrono::seconds{5};

  /// A request came from process `pid`, 0 when that is not known, which began at `start_ticks`; nullopt: it
  /// cannot be seen from here.
  void heard(std::int64_t pid, std::optional<std::uint64_t> start_ticks, Duration now);
  /// As it was kept.
  void restore(std::int64_t pid, std::uint64_t start_ticks);
  bool proven() const { return proven_; }
  std::int64_t pid() const { return pid_; }
  std::uint64_t start_ticks() const { return start_ticks_; }
  bool is(std::int64_t pid) const { return pid_ == pid && pid != 0; }

  /// It was looked for. How long it has been gone; nullopt while it lives.
  std::optional<Duration> looked(bool lives, Duration now);

 private:
  std::int64_t pid_ = 0;
  std::uint64_t start_ticks_ = 0;
  bool seen_ = false;
  bool proven_ = false;
  Duration since_{};
  std::optional<Duration> gone_since_;
};

}  // namespace redflag::daemon::follow
