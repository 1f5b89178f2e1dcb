// `redflag inspect --forward`: what to ask redflag-forward of a directory, and its answer as part of the
// directory's report.
#pragma once

#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"
#include "daemon/inspection/forward_runner.h"

namespace redflag::daemon {

/// Empty: there is nothing to ask (a series as a whole). `all`: among which the step before and the base
/// model's are looked for.
std::vector<std::string> forward_arguments(const checks::DirectoryReport& directory,
                                           const std::vector<checks::DirectoryReport>& all);

/// Its findings join the report's; values "forward" (ok, bad, not_checked), "forward_detail" and, of steps,
/// the figures of drift.
void add_forward(checks::DirectoryReport& directory, const ForwardAnswer& answer);

}  // namespace redflag::daemon
