// `redflag completion SHELL`: the shell's own script, made from the registry of commands.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Exit codes: 0 printed, 2 wrong usage.
int completion_command(const std::vector<std::string>& words);
const CommandSpec& completion_spec();

}  // namespace redflag::daemon
