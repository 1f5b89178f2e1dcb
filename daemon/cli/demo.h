// `redflag demo`: the real daemon against a simulated W&B and a local Slack stand-in, on a results tree that
// is being written while it watches.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Exit codes: 0 it went as the demo promises, 1 it did not, 2 wrong usage.
int demo_command(const std::vector<std::string>& words);
const CommandSpec& demo_spec();

}  // namespace redflag::daemon
