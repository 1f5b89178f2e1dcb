// Can training go on from a checkpoint-N? Optimizer, scheduler, RNG and trainer state as transformers'
// Trainer saves them (trainer.py: _save_checkpoint, _load_optimizer_and_scheduler, _load_rng_state).
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/checks/directory_report.h"
#include "daemon/checks/weights.h"

namespace redflag::checks {

/// Findings not_resumable, optimizer_nan, learning_rate, skipped_updates, sharded_state. `weights` may be
/// null: then the optimizer's shapes are not compared.
void check_resumable(const DirectoryInput& input, const std::vector<FileView>& files,
                     const WeightSet* weights, DirectoryReport& out);

/// Did DeepSpeed or FSDP save it, with the state in a folder of shards? Those are not read.
bool has_sharded_state(const DirectoryInput& input);

}  // namespace redflag::checks
