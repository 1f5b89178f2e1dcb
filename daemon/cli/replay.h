// `redflag replay`: the same engine over recorded logs, saying what would have fired and when.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Returns the exit code: 0 everything was read, 1 something could not be, 2 usage.
int replay_command(const std::vector<std::string>& words);
const CommandSpec& replay_spec();

}  // namespace redflag::daemon
