// A FileReport as one JSON object, for scripts, for the store and across the border between child and parent.
// NaN and infinities are the strings "NaN", "Infinity", "-Infinity"; invalid UTF-8 in names is escaped as
// \xNN.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/tensors/report.h"

namespace redflag::tensors {

std::string to_json(const FileReport& report);
/// nullopt when it is not one: a child may be made to write anything.
std::optional<FileReport> report_from_json(std::string_view text);

}  // namespace redflag::tensors
