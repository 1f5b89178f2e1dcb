// The runs that have not ended, with what the machine's source needs of them: what tells their processes, and
// how long they may still go on.
#pragma once

#include <vector>

#include "daemon/host/host_source.h"
#include "daemon/monitor/monitor.h"

namespace redflag::daemon {

std::vector<LiveRun> live_runs(const Monitor& monitor);

}  // namespace redflag::daemon
