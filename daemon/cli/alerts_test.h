// `redflag alerts test RECEIVER`: one real message, through the same code that the daemon uses, and what the
// answer means.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

const CommandSpec& alerts_test_spec();

/// Needs no running daemon. Exit codes: 0 sent, 1 not sent, 2 wrong usage or configuration.
int alerts_test_command(const std::vector<std::string>& words);

}  // namespace redflag::daemon
