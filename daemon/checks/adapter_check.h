// A LoRA adapter against its adapter_config.json, as peft writes them (peft/utils/save_and_load.py).
#pragma once

#include <cstdint>

#include "daemon/checks/directory_report.h"
#include "daemon/checks/weights.h"

namespace redflag::checks {

/// Findings missing_tensor, unexpected_tensor, shape_mismatch, untrained_adapter; not_compared (info) for
/// adapters of another kind than LoRA. `step` is the checkpoint's, -1 for a final adapter. `set` must be
/// complete.
void check_adapter(const WeightSet& set, const FileReport& config, std::int64_t step, DirectoryReport& out);

}  // namespace redflag::checks
