// What must survive a restart so that no row is lost and none is told twice: one cursor a run, one for the
// project.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/runs/attempt_tracker.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct RunCursor {
  std::int64_t next_step = 0;  ///< first `_step` not yet told
  AttemptTracker attempt;
  bool ended = false;     ///< the run's end has been told
  bool historic = false;  ///< told by its totals only
  bool own_cpu = false;   ///< its history carries memory figures of its own
  bool own_gpu = false;
  bool fetch_failed = false;  ///< a fetch_error has been told and not taken back
  Time created_at;
  Time heartbeat_at;

  std::string serialize() const;
  /// Text that cannot be read gives a fresh cursor: the run is then read from its start.
  static RunCursor restored(std::string_view text);
  bool operator==(const RunCursor&) const = default;
};

struct ProjectCursor {
  bool listed = false;  ///< the first full listing is done, with this filter
  std::string filter;   ///< fingerprint of the filter
  Time first_seen;  ///< when redflag first asked for this project: runs that had ended by then are historic
  Time newest_heartbeat;
  std::vector<std::string> followed;  ///< ids of runs that are active, or ended a short while ago

  std::string serialize() const;
  static ProjectCursor restored(std::string_view text);
  bool operator==(const ProjectCursor&) const = default;
};

}  // namespace redflag::daemon
