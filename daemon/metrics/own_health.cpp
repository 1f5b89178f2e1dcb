#include "daemon/metrics/own_health.h"

#include <fmt/format.h>

namespace redflag::daemon {

std::vector<std::string> unready(const Overview& overview, const OwnHealth& own) {
  std::vector<std::string> reasons;
  if (!own.undurable.empty()) {
    reasons.push_back("the store cannot be written: " + own.undurable);
  } else if (own.failing_since != Time{}) {
    reasons.push_back("the store refuses since " + to_rfc3339(own.failing_since));
  }
  if (!own.stuck.empty()) reasons.push_back(own.stuck + " does not move");
  for (const SourceView& source : overview.sources) {
    if (source.kind != "wandb") continue;
    // What was kept of an earlier process is no word of this one.
    if (source.last_success != Time{} && source.last_success >= overview.daemon.started_at) continue;
    reasons.push_back(fmt::format("{} has not been read yet{}{}", source.key,
                                  source.trouble.empty() ? "" : ": ", source.trouble));
  }
  for (const ResultsView& results : overview.results) {
    if (!results.listed && results.watching != "absent")
      reasons.push_back(results.root + " has not been read whole yet");
  }
  return reasons;
}

}  // namespace redflag::daemon
