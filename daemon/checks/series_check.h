// The steps of one {method}_{task} against one another. Gaps and intervals are judged elsewhere, by names
// alone.
#pragma once

#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

/// Findings identical_step, shape_differs and missing_layer, each about a step ("step 300" in the message,
/// the step's path in `where`). Steps with files that are being written are left out; so are damaged files.
/// Cost: linear in all tensors, but for sorting.
DirectoryReport check_series(const std::string& path, const std::vector<DirectoryInput>& steps);

}  // namespace redflag::checks
