// Numbers in JSON, which knows no NaN and no infinities: those are strings, here and wherever redflag writes
// JSON.
#pragma once

#include <cmath>

namespace redflag::alerts {

/// `Json` is one of nlohmann's types; a template, so that only who writes JSON pays for that library.
template <typename Json>
Json json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

}  // namespace redflag::alerts
