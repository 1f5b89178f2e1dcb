// UTF-8 as this room needs it: reading bytes that may not be UTF-8 at all, and finding where text may be cut.
// Names of runs and files come from outside; nothing here throws or reads past the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace redflag::alerts {

inline constexpr char32_t kReplacement = 0xFFFD;

/// One code point, or one byte that is not part of one (`valid` false, `code` = U+FFFD, `bytes` = 1).
struct Decoded {
  char32_t code = kReplacement;
  std::size_t bytes = 1;
  bool valid = false;
};

/// Decodes at `at` (< text.size()). Overlong forms, surrogates and values past U+10FFFF are invalid (RFC
/// 3629).
Decoded decode_at(std::string_view text, std::size_t at);

/// Length in UTF-16 units: the larger of the counts that services use, so a limit kept in it holds in code
/// points too.
std::size_t utf16_units(std::string_view text);

/// Bytes of what a reader sees as one character at `at`: a code point with its marks, joiners, skin tones and
/// variation selectors, or the two halves of a flag. An approximation of UAX #29 without its tables; at most
/// 16 code points.
std::size_t cluster_bytes(std::string_view text, std::size_t at);

/// At most `max_units` UTF-16 units, ending in "…" when something was cut off, never inside a cluster.
std::string cut(std::string_view text, std::size_t max_units);

bool is_control(char32_t code);       ///< C0, DEL, C1, line and paragraph separators
bool is_bidi_control(char32_t code);  ///< marks, embeddings, overrides and isolates
bool is_invisible(
    char32_t code);  ///< zero-width space, word joiner, byte order mark, tags, noncharacters; not the joiners

}  // namespace redflag::alerts
