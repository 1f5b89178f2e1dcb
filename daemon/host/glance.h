// A look at one process of which the number is known: does it live, and where does its output go?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace redflag::daemon {

struct ProcessGlance {
  std::uint64_t start_ticks = 0;     ///< since the boot: with the pid it names one process for ever
  std::vector<std::string> outputs;  ///< files that its standard output and error go to, absolute, none twice
};

/// nullopt: there is none, it has ended (a zombie), or `proc` does not show it. Outputs that may not be
/// looked at are left out. Blocks only on `proc`.
std::optional<ProcessGlance> glance_at_process(const std::string& proc, std::int64_t pid);

}  // namespace redflag::daemon
