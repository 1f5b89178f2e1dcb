// redflagd as a process: start-up in named steps, signals, reload, watchdog, and a stop that always comes to
// its end.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Runs redflagd with its command line. Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong
/// usage or a wrong configuration.
int redflagd_main(const std::vector<std::string>& words);

const CommandSpec& redflagd_spec();

}  // namespace redflag::daemon
