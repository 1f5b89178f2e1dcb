// JSON as Python writes it: with bare NaN, Infinity and -Infinity, and numbers too large for a double. HF's
// trainer_state.json, JSON-lines logs and some W&B servers all do that; a strict parser would refuse the
// whole file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "rules/values/error.h"

namespace redflag::daemon {

struct RelaxedJsonLimits {
  std::size_t max_bytes = std::size_t{256} << 20;  ///< a longer text is ErrorCode::too_large
  std::size_t max_depth = 200;  ///< nesting of arrays and objects; deeper is ErrorCode::malformed
};

/// Parses `text`; bare NaN, ±Infinity and overflowing numbers become the strings "NaN", "Infinity" and
/// "-Infinity" (see number_from). Linear in time and memory. `doing` goes into the error, which names line
/// and column (both from 1, the column in bytes). Never throws but for memory.
Result<nlohmann::json> parse_relaxed_json(std::string_view text, std::string doing,
                                          const RelaxedJsonLimits& limits = {});

}  // namespace redflag::daemon
