// `redflag tail`: the daemon's log made readable live, from its file or from the journal.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Exit codes: in --help.
int tail_command(const std::vector<std::string>& words);
const CommandSpec& tail_spec();

}  // namespace redflag::daemon
