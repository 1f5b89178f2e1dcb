// Manual pages made from the descriptions that `--help` is made from, so that the two never differ.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/app/arguments.h"

namespace redflag::daemon {

struct ManualSubject {
  std::string name;  ///< the page's: "redflag-replay"
  int section = 1;
  std::string invocation;  ///< "redflag replay"
  const CommandSpec* spec = nullptr;
  std::vector<std::pair<std::string, std::string>> commands;  ///< subcommands with their summaries
  std::vector<std::string> see_also;                          ///< "redflagd(8)"
};

/// The page in roff. In `details` of the spec, paragraphs that begin with "exit codes:", "examples:",
/// "signals:", "environment:" or "see also:" become sections of their own, and indented lines are shown as
/// they are.
std::string manual_page(const ManualSubject& subject);

}  // namespace redflag::daemon
