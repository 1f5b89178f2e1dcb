// What GET /metrics answers: redflagd's own health, its sources, the runs that go on, alerts, scores, the
// results trees and the machine, as numbers with names. Pure.
//
// Cardinality is bounded: per-run metrics for at most `most_runs` runs that have not ended, alerts one by one
// for at most `most_alerts`; how many were left out is a gauge. Ended runs are counted, no more.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/metrics/own_health.h"
#include "daemon/overview/overview.h"

namespace redflag::daemon {

struct MetricsLimits {
  std::size_t most_runs = 200;
  std::size_t most_alerts = 500;
};

/// In the text format of daemon/metrics/exposition.h. The same input gives the same bytes.
std::string metrics_text(const Overview& overview, const OwnHealth& own, const MetricsLimits& limits = {});

}  // namespace redflag::daemon
