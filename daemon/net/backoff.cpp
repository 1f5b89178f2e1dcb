// The arithmetic of waiting; integers only, so that no wait can come out as NaN or overflow.
#include "daemon/net/backoff.h"

#include <algorithm>

namespace redflag::daemon {

Backoff::Backoff(BackoffSettings settings, std::mt19937_64& random) : settings_(settings), random_(&random) {
  settings_.first = std::max(settings_.first, Duration{1});
  settings_.longest = std::max(settings_.longest, settings_.first);
  settings_.shortest = std::clamp(settings_.shortest, Duration{0}, settings_.first);
}

Duration Backoff::next(Duration at_least) {
  Duration limit = settings_.first;
  for (int i = 0; i < failures_ && limit < settings_.longest; ++i) {
    limit = limit > settings_.longest / 2 ? settings_.longest : limit * 2;
  }
  if (failures_ < 64) {  // far past any limit; no need to count on
    ++failures_;
  }
  // Not std::uniform_int_distribution: its numbers differ between standard libraries, and a seed should mean
  // the same everywhere. The modulo's bias is far below a microsecond.
  const auto range = static_cast<std::uint64_t>((limit - settings_.shortest).count()) + 1;
  const Duration wait = settings_.shortest + Duration{static_cast<Duration::rep>((*random_)() % range)};
  return std::max(wait, at_least);
}

}  // namespace redflag::daemon
