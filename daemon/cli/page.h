// `redflag page`: the way into the live page.
#pragma once

#include <string>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

const CommandSpec& page_spec();
int page_command(const std::vector<std::string>& words);

}  // namespace redflag::daemon
