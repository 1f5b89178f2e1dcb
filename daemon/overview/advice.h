// What to do next, from what is known: the page, the report and `redflag status` say the same.
#pragma once

#include <string>
#include <vector>

#include "daemon/overview/overview.h"

namespace redflag::daemon {

struct Advice {
  Severity severity = Severity::info;
  std::string text;     ///< a sentence for people; raw: whoever shows it escapes it
  std::string command;  ///< that helps with it; may be empty. Paths in it are quoted for a shell
};

/// The most urgent first, never empty: when all is well it says so and what comes next. At most one advice of
/// each kind, so never more than a dozen.
std::vector<Advice> advice(const Overview& overview);

/// All in one sentence: "2 critical alerts fire; 3 of 5 runs are done".
std::string in_a_sentence(const Overview& overview);

}  // namespace redflag::daemon
