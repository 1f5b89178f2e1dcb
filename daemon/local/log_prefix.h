// What loggers, launchers and containers put before a line: timestamps, "[rank3]:", "3: ", "(pid=77)". Cut
// off, so that a traceback is a traceback whoever passed it on.
#pragma once

#include <string>
#include <string_view>

#include "rules/values/time.h"

namespace redflag::daemon::local {

struct PrefixedLine {
  std::string_view rank;  ///< "rank3", "default0", "3", "pid=77"; empty: the line is not marked
  std::string_view text;  ///< the rest
  Time time;              ///< only of a timestamp that says its zone
};
PrefixedLine split_prefix(std::string_view line);

/// Removes ANSI escape sequences ("\x1b[31m", titles, cursor movements). A view of `line` when there are
/// none, else of `scratch`.
std::string_view without_ansi(std::string_view line, std::string& scratch);

}  // namespace redflag::daemon::local
