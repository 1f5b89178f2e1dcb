#include "rules/lang/matcher.h"

#include <algorithm>
#include <charconv>

namespace redflag {

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Tri term_holds(const MatchTerm& term, const Attribute* attribute) {
  if (attribute == nullptr) return Tri::unknown;
  const bool any = std::any_of(term.patterns.begin(), term.patterns.end(), [&](const std::string& pattern) {
    if (const auto* text = std::get_if<std::string>(attribute)) return glob_matches(pattern, *text);
    if (const auto* flag = std::get_if<bool>(attribute)) return pattern == (*flag ? "true" : "false");
    double wanted = 0.0;
    const auto result = std::from_chars(pattern.data(), pattern.data() + pattern.size(), wanted);
    return result.ec == std::errc{} && result.ptr == pattern.data() + pattern.size() &&
           wanted == std::get<double>(*attribute);
  });
  return any ? Tri::yes : Tri::no;
}

}  // namespace redflag
