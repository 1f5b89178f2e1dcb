// The operator's command: finds the subcommand and hands over.
#pragma once

#include <string>
#include <vector>

namespace redflag::daemon {

/// Runs `redflag` with its command line and returns its exit code; 2 is wrong usage in every subcommand.
int redflag_main(const std::vector<std::string>& words);

}  // namespace redflag::daemon
