// `redflag outbox`: messages that have not reached their receiver.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/cli/command.h"

namespace redflag::daemon {

/// Without a subcommand: the list. Exit codes: daemon_client.h.
int outbox_command(const std::vector<std::string>& words);

int outbox_list_command(const std::vector<std::string>& words);
int outbox_retry_command(const std::vector<std::string>& words);
int outbox_drop_command(const std::vector<std::string>& words);

/// For man pages and completions.
const CommandSpec& outbox_spec();
std::span<const Command> outbox_commands();
const CommandSpec& outbox_list_spec();
const CommandSpec& outbox_retry_spec();
const CommandSpec& outbox_drop_spec();

}  // namespace redflag::daemon
