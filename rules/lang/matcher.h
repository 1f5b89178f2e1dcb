// Which subjects a rule is for: attributes against values or globs. An attribute nobody has told yet is
// unknown, and so is then the match; only a known mismatch takes a rule away from a subject it already speaks
// about.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/observation.h"

namespace redflag {

/// True, false or unknown: the language's three values.
enum class Tri : std::int8_t { no, yes, unknown };

struct MatchTerm {
  std::string attribute;
  std::uint32_t slot = 0;             ///< of the attribute in its kind's table
  std::vector<std::string> patterns;  ///< any of them; "true"/"false" for flags, numbers for numbers
};

/// nullptr = the attribute is not known.
Tri term_holds(const MatchTerm& term, const Attribute* attribute);

}  // namespace redflag
