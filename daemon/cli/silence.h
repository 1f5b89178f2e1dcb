// `redflag silence`: nobody is told of the alerts that match, for a while.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/cli/command.h"

namespace redflag::daemon {

/// Exit codes: daemon_client.h.
int silence_command(const std::vector<std::string>& words);

int silence_add_command(const std::vector<std::string>& words);
int silence_list_command(const std::vector<std::string>& words);
int silence_remove_command(const std::vector<std::string>& words);

/// For man pages and completions.
const CommandSpec& silence_spec();
std::span<const Command> silence_commands();
const CommandSpec& silence_add_spec();
const CommandSpec& silence_list_spec();
const CommandSpec& silence_remove_spec();

}  // namespace redflag::daemon
