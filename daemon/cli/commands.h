// The operator's command: finds the subcommand and hands over.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/cli/command.h"

namespace redflag::daemon {

/// Runs `redflag` with its command line and returns its exit code; 2 is wrong usage in every subcommand.
int redflag_main(const std::vector<std::string>& words);

/// Every command, in the order of `redflag --help`. A new one is a line in commands.cpp.
std::span<const Command> commands();

}  // namespace redflag::daemon
