// An address to listen on, as configurations write it: "127.0.0.1:8765", "[::1]:0".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::daemon {

struct ListenAddress {
  std::string host;        ///< IP address, without brackets
  std::uint16_t port = 0;  ///< 0: any free one
  /// With brackets where it needs them.
  std::string text() const;
};

/// "127.0.0.1:8765", "localhost:8765", "[::1]:8765". Only this machine's own addresses: 127.0.0.0/8 and ::1.
/// Errors (invalid_input) say what to write.
Result<ListenAddress> parse_loopback_address(std::string_view text);

}  // namespace redflag::daemon
