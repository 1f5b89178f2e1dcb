// Commands that have commands of their own: `redflag rules check`, `redflag silence add`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/command.h"

namespace redflag::daemon {

/// "  check      is this rule file right? …", a line for each.
std::string listed(std::span<const Command> commands);

/// What `redflag NAME --help` prints for a command that has commands of its own.
std::string overview_of(const CommandSpec& spec, std::span<const Command> commands);

/// Runs the one that `words` begin with, on the words after it. `program` is what messages begin with
/// ("redflag rules"), `overview` what --help prints; no word at all, or one that is no command: the overview
/// on stderr and 2.
int run_subcommand(std::string_view program, std::span<const Command> commands, const std::string& overview,
                   const std::vector<std::string>& words);

}  // namespace redflag::daemon
