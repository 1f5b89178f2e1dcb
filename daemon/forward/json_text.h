// How redflag-forward writes JSON and reads that of others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/tensors/report.h"
#include "rules/values/error.h"

namespace redflag::forward {

using Json = nlohmann::ordered_json;

/// NaN and infinities become "NaN", "Infinity", "-Infinity".
Json number_json(double value);
Json number_json(const std::optional<double>& value);
/// The way back: a number or one of these words.
std::optional<double> number_from_json(const nlohmann::json& value);
Json findings_json(const std::vector<tensors::Finding>& findings);
/// One line. Bytes that are no UTF-8 are replaced.
std::string dump(const Json& json);

/// A JSON file of at most 64 MiB that holds an object. Errors: not_found, denied; malformed; too_large.
Result<nlohmann::json> read_json_object(const std::string& path);

}  // namespace redflag::forward
