// checkpoint-N, final_model, final_adapter: complete, fitting its configuration, sound in its numbers, and
// (checkpoint-N) fit to resume from. What a forward pass would say is not part of this.
#pragma once

#include <vector>

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

/// `input.place` says which of the three it is; any other role is judged as a final model or adapter, by its
/// files. While a file is being written, only contents are judged.
DirectoryReport check_checkpoint(const DirectoryInput& input);

/// The checkpoints of one run: a finding identical_checkpoint about the later one (its path in `where`) of
/// each two whose weights are the same, bit for bit. Final models are passed over: they may equal the last or
/// best checkpoint.
std::vector<Finding> identical_checkpoints(const std::vector<DirectoryInput>& run);

}  // namespace redflag::checks
