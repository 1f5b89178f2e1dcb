// One command of `redflag` in the registry: dispatch, `--help`, man pages and shell completion are all made
// from it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

struct Command {
  std::string_view name;     ///< the word that it is called by: "replay"; "check" within `rules`
  std::string_view summary;  ///< one line for the overview
  int (*run)(const std::vector<std::string>& words);
  const CommandSpec& (*spec)();                   ///< the same that it parses its words with
  std::span<const Command> (*parts)() = nullptr;  ///< the commands within it; nullptr when there are none
};

}  // namespace redflag::daemon
