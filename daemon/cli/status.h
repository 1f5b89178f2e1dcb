// `redflag status`: everything at a glance, from the daemon or, with --once, from the sources themselves.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

const CommandSpec& status_spec();
int status_command(const std::vector<std::string>& words);

}  // namespace redflag::daemon
