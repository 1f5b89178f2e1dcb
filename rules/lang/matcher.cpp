#include "rules/lang/matcher.h"

#include <algorithm>
#include <charconv>

#include "rules/values/glob.h"

namespace redflag {

Tri term_holds(const MatchTerm& term, const Attribute* attribute) {
  if (attribute == nullptr) return Tri::unknown;
  const bool any = std::any_of(term.patterns.begin(), term.patterns.end(), [&](const std::string& pattern) {
    if (const auto* text = std::get_if<std::string>(attribute)) return glob_match(pattern, *text);
    if (const auto* flag = std::get_if<bool>(attribute)) return pattern == (*flag ? "true" : "false");
    double wanted = 0.0;
    const auto result = std::from_chars(pattern.data(), pattern.data() + pattern.size(), wanted);
    return result.ec == std::errc{} && result.ptr == pattern.data() + pattern.size() &&
           wanted == std::get<double>(*attribute);
  });
  return any ? Tri::yes : Tri::no;
}

}  // namespace redflag
