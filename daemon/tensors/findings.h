// What is worth telling of one file, from what was read of it. docs/inspect.md lists the codes.
#pragma once

#include <string>
#include <string_view>

#include "daemon/tensors/scan.h"

namespace redflag::tensors {

/// NaN, infinities, zeros, emptiness of the tensors described in `report`.
void find_in_tensors(const TensorFile& file, FileReport& report);

/// Names that a pickle asks for and that run code when they are called.
void find_hostile_globals(const TensorFile& file, FileReport& report);

/// Checksums that do not agree. May turn the verdict to damaged: when others of the same file agree, the
/// writer did compute them, and the one that does not is proof.
void judge_checksums(const ReadTensors& read, const ScanResult& scan, FileReport& report);

}  // namespace redflag::tensors
