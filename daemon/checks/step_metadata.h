// metadata.json of a step of representations: what it must hold, and what it says of each layer. Internal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"
#include "daemon/checks/values.h"

namespace redflag::checks {

/// The layers it lists, without repeats; empty when it has no such list.
std::vector<std::string> metadata_layers(const Values& metadata);
/// nullopt when it does not say, or not as a list of whole numbers.
std::optional<std::vector<std::int64_t>> metadata_shape(const Values& metadata, const std::string& layer);
/// "float32"; empty when it does not say.
std::string metadata_dtype(const Values& metadata, const std::string& layer);

/// Findings metadata_incomplete (fields that lack or are of the wrong kind) and metadata_mismatch (step,
/// task, method).
void check_metadata(const Values& metadata, const daemon::DirPlace& place, std::vector<Finding>& out);

}  // namespace redflag::checks
