// JSON from files that nobody vouches for: what Python's json.dump writes (NaN and Infinity included), but no
// more nesting or elements than such a file can have, so that a hostile one costs neither stack nor memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace redflag::daemon {

struct JsonProblem {
  std::string what;        ///< "is not JSON: …"
  bool cut_short = false;  ///< the text ends before the value does: a file still being written, or truncated
};

/// Parses into `out`, where NaN and infinities become null. At most 64 levels and 200,000 elements.
std::optional<JsonProblem> parse_bounded_json(std::string_view text, nlohmann::json& out);

/// Of a safetensors header: the end of the last tensor's bytes. nullopt when it is not such a header.
std::optional<std::uint64_t> safetensors_data_end(std::string_view header);

}  // namespace redflag::daemon
