// Text from outside made fit to be shown to people: valid UTF-8 without control characters, direction
// overrides or invisible characters, so that a name can neither break a layout nor pass for another. Not
// reversible; see escape.h for that.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace redflag::alerts {

enum class Lines {
  join,  ///< a line break becomes a space
  keep,  ///< line breaks stay; other controls go all the same
};

/// Bytes that are no UTF-8 and control characters become U+FFFD, a tab a space; direction controls and
/// invisible characters are left out; spaces at both ends are trimmed. Reads at most the first `max_units` ×
/// 8 + 64 bytes; the result has at most `max_units` UTF-16 units, cut between characters.
std::string clean(std::string_view raw, std::size_t max_units, Lines lines = Lines::join);

}  // namespace redflag::alerts
