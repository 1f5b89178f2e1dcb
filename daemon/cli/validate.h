// `redflag validate`: the whole checklist (V1 to V24) with evidence, as text, JSON, and one HTML file.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/command.h"

namespace redflag::daemon {

int validate_command(const std::vector<std::string>& words);
const CommandSpec& validate_spec();

}  // namespace redflag::daemon
