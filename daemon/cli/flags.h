// `redflag flags`: every red flag and warning now, what changes, and the evidence of one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/cli/command.h"

namespace redflag::daemon {

/// Without a subcommand: the list. Exit codes: in --help.
int flags_command(const std::vector<std::string>& words);
int flags_show_command(const std::vector<std::string>& words);

const CommandSpec& flags_spec();
std::span<const Command> flags_commands();
const CommandSpec& flags_show_spec();

}  // namespace redflag::daemon
