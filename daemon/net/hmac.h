// Keyed digests: what a secret's holder, and nobody else, can write under a text.
#pragma once

#include <string>
#include <string_view>

namespace redflag::daemon {

/// HMAC-SHA256 as 64 hex digits.
std::string hmac_sha256_hex(std::string_view key, std::string_view text);

/// Takes as long for a near miss as for a far one; lengths are no secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace redflag::daemon
