// The runs that have not ended, with what the machine's source needs of them: what tells their processes, and
// how long they may still go on.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/host/host_source.h"
#include "daemon/monitor/monitor.h"

namespace redflag::daemon {

class LiveRuns {
 public:
  /// Both outlive it.
  LiveRuns(const Monitor& monitor, Clock& clock) : monitor_(monitor), clock_(clock) {}

  /// Ask every few seconds or minutes: the pace of a run is that of its steps between the calls of the last
  /// half hour.
  std::vector<LiveRun> now();

 private:
  struct Mark {
    Duration at;
    std::int64_t step;
  };
  double pace_of(const std::string& run, std::int64_t step);

  const Monitor& monitor_;
  Clock& clock_;
  std::unordered_map<std::string, std::deque<Mark>> marks_;
};

}  // namespace redflag::daemon
