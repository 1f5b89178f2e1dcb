#include "daemon/follow/silence.h"

#include <algorithm>

namespace redflag::daemon::follow {

void SilenceJoin::row(Time at) {
  last_row_ = std::max(last_row_, at);
}

void SilenceJoin::life(Time at) {
  last_life_ = std::max(last_life_, at);
}

std::optional<Time> SilenceJoin::told_up_to(Time at) {
  complete_ = std::max(complete_, at);
  Time mark = complete_;
  // Clocks differ: a sign that lies ahead of the watermark is as good as one at it.
  if (last_life_ > last_row_ && last_row_ != Time{}) {
    const Time sign = std::min(last_life_, complete_);
    if (sign > last_row_) mark = last_row_ + (complete_ - sign);
  }
  if (mark <= given_) return std::nullopt;
  given_ = mark;
  return mark;
}

}  // namespace redflag::daemon::follow
