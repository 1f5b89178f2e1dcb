// Weights against config.json, and what the weights hold.
#pragma once

#include "daemon/checks/architecture.h"
#include "daemon/checks/directory_report.h"
#include "daemon/checks/weights.h"

namespace redflag::checks {

/// Findings missing_tensor, unexpected_tensor, shape_mismatch; architecture_unknown (info) when config.json
/// is of no family that is known, and then only the embeddings' shape is compared. `set` must be complete.
/// Puts what it learnt into out.values.
void check_model(const WeightSet& set, const FileReport& config, DirectoryReport& out);

/// Findings nan and all_zero. Biases, lora_B, token types and buffers may be zero; with a known architecture
/// (`architecture` not null) a zero norm is critical too.
void check_weight_contents(const WeightSet& set, const Architecture* architecture, std::vector<Finding>& out);

}  // namespace redflag::checks
