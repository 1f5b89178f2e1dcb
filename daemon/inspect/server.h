// Answers paths in their order, several at a time.
#pragma once

#include <cstdio>

#include "daemon/tensors/inspect.h"

namespace redflag::inspect {

/// Exit code when an allocation was refused by the program's own limit: the parent knows it
/// (daemon/inspection).
constexpr int kOutOfMemory = 65;

/// Reads paths, each ended by a zero byte, from `in` until its end; writes a line of JSON for each to `out`.
/// With more than one thread small files are read side by side, each by one thread, and large ones by all of
/// them. Returns an exit code.
int serve(std::FILE* in, std::FILE* out, const tensors::InspectOptions& options);

}  // namespace redflag::inspect
