// `redflag setup`: a first configuration by asking or by flags, with a look at whether it will work.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Exit codes: 0 written and every check good; 1 written, but something is wrong; 2 wrong usage or answers,
/// or given up; 3 not written (a file is there already, or the disk refuses).
int setup_command(const std::vector<std::string>& words);
const CommandSpec& setup_spec();

}  // namespace redflag::daemon
