// How redflagd itself fares, beside what Overview tells: what /metrics, /healthz and /readyz are answered
// from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alerts/outbox/dispatcher.h"
#include "daemon/overview/overview.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct OwnHealth {
  Duration uptime{};        ///< of this configuration: a reload begins anew
  Duration loop_lag{};      ///< by how much the event loop last woke too late
  Duration loop_lag_max{};  ///< the worst of the last minute
  std::string stuck;        ///< a loop that does not move any more, in words; empty: all do
  std::uint64_t commits = 0;
  std::uint64_t waiting_bytes = 0;  ///< accepted and not on the disk yet
  Time failing_since;               ///< the store refuses; Time{}: it does not
  std::string undurable;            ///< why alerts go out from memory, in words; empty: they are kept
  std::vector<alerts::ChannelHealth> channels;
};

/// Why it is not ready, a line each for people; empty: every source has been read since the start and the
/// store takes what it is given. A results root that is not there has been read: redflagd waits for it.
std::vector<std::string> unready(const Overview& overview, const OwnHealth& own);

}  // namespace redflag::daemon
