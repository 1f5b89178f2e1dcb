// `redflag inspect`: what is in tensor files and checkpoints, read by redflag-inspect.
#pragma once

#include <string>
#include <vector>

namespace redflag::daemon {

int inspect_command(const std::vector<std::string>& words);

}  // namespace redflag::daemon
