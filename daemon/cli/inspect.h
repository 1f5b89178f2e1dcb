// `redflag inspect`: what is in tensor files and checkpoints, read by redflag-inspect.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

int inspect_command(const std::vector<std::string>& words);
const CommandSpec& inspect_spec();

}  // namespace redflag::daemon
