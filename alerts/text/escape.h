// Reversible escapes: what was written can be read back byte for byte, whatever a file or a run was called.
#pragma once

#include <string>
#include <string_view>

namespace redflag::alerts {

/// For JSON. Valid UTF-8 stays as it is, except U+FFFD itself, which is doubled; a byte 0xHH that is no UTF-8
/// becomes U+FFFD followed by "xHH" (two upper-case hex digits). So "a\xff" is "a\ufffdxFF", and nothing is
/// ambiguous.
std::string escape_utf8(std::string_view bytes);

/// The way back from `escape_utf8`. Text that it could not have made is kept as it is.
std::string unescape_utf8(std::string_view text);

/// For a line of a log that people watch in a terminal: control characters, direction controls, invisible
/// characters, bytes that are no UTF-8 and the backslash are written as \n, \t, \r, \\, \xHH (a byte) or
/// \u{H…} (a code point). The result is one line that moves no cursor and starts no escape sequence.
std::string escape_terminal(std::string_view bytes);

}  // namespace redflag::alerts
