// Tries what the sandbox forbids, one thing after the other, and says what came of it: `redflag-inspect
// --self-test`.
#pragma once

#include <string>

namespace redflag::inspect {

/// In a process of its own for each, forked before the sandbox is entered. Prints a line each; true when all
/// of them were stopped.
bool run_self_test();

}  // namespace redflag::inspect
