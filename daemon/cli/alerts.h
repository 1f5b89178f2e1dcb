// `redflag alerts`: what fires, everything about one alert, and whether a receiver can be reached.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/cli/command.h"

namespace redflag::daemon {

/// Without a subcommand: the list. Exit codes: daemon_client.h.
int alerts_command(const std::vector<std::string>& words);

int alerts_list_command(const std::vector<std::string>& words);
int alerts_show_command(const std::vector<std::string>& words);

/// For man pages and completions.
const CommandSpec& alerts_spec();
std::span<const Command> alerts_commands();
const CommandSpec& alerts_list_spec();
const CommandSpec& alerts_show_spec();

}  // namespace redflag::daemon
