// Numbers as logging code and services write them into JSON. Training code logs NaN and infinities, which
// JSON has no word for, so each tool has its own spelling; losing one of them would hide the very thing
// redflag looks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace redflag::daemon {

/// A JSON number, or a string that spells NaN or an infinity ("NaN", "nan", "-Infinity", "inf", …). Booleans,
/// null and every other string are not numbers: nullopt.
std::optional<double> number_from(const nlohmann::json& value);

/// As above, for the text of such a string alone: "12" is nullopt.
std::optional<double> nonfinite_from(std::string_view text);

/// A whole number that may have arrived as a float ("_step": 12.0): 0 … 2^53, else nullopt.
std::optional<std::int64_t> step_from(const nlohmann::json& value);

}  // namespace redflag::daemon
