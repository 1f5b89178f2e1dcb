// `redflag ack`: somebody has seen an alert and deals with it.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

/// Exit codes: daemon_client.h.
int ack_command(const std::vector<std::string>& words);
const CommandSpec& ack_spec();

}  // namespace redflag::daemon
