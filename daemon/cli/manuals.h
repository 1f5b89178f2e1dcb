// `redflag --man`: the manual pages of every command, made from the registry.
#pragma once

#include <string>
#include <vector>

namespace redflag::daemon {

/// `--man [COMMAND…]` prints one page; `--man-pages DIRECTORY` writes all of them as redflag.1,
/// redflag-replay.1, … Exit codes: 0, 1 the directory cannot be written, 2 no such command.
int manual_command(const std::vector<std::string>& words);

}  // namespace redflag::daemon
