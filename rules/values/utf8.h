// A code point as UTF-8 (RFC 3629).
#pragma once

#include <string>

namespace redflag {

/// Appends a code point; surrogates and values past U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code);

}  // namespace redflag
