#include "daemon/follow/push_teller.h"

namespace redflag::daemon::follow {

void PushTeller::heard(std::int64_t pid, std::optional<std::uint64_t> start_ticks, Duration now) {
  gone_since_.reset();
  const bool same = is(pid) && (!start_ticks || *start_ticks == start_ticks_);
  if (!same) {
    pid_ = pid;
    start_ticks_ = start_ticks.value_or(0);
    seen_ = start_ticks.has_value();
    proven_ = false;
    since_ = now;
    return;
  }
  proven_ = proven_ || (seen_ && now - since_ >= kProven);
}

void PushTeller::restore(std::int64_t pid, std::uint64_t start_ticks) {
  pid_ = pid;
  start_ticks_ = start_ticks;
  seen_ = proven_ = true;
}

std::optional<Duration> PushTeller::looked(bool lives, Duration now) {
  if (lives) {
    gone_since_.reset();
    return std::nullopt;
  }
  if (!gone_since_) gone_since_ = now;
  return now - *gone_since_;
}

}  // namespace redflag::daemon::follow
