// Places on this machine where a part of redflagd may listen, as configurations write them: "127.0.0.1:8765",
// "[::1]:0".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::daemon {

struct ListenAddress {
  std::string host;        ///< IP address, without brackets: "127.0.0.1", "::1"
  std::uint16_t port = 0;  ///< 0: any free one
  /// With brackets where it needs them.
  std::string text() const;
};

/// "127.0.0.1:8765", "localhost:8765", "[::1]:8765". Only this machine's own addresses: 127.0.0.0/8 and ::1.
/// Errors (invalid_input) say what to write.
Result<ListenAddress> parse_loopback_address(std::string_view text);

/// Is this Host header a name of this machine for itself ("localhost:8765", "127.0.0.1", "[::1]:80")? Any
/// port: through a tunnel it is another. A page in a browser that has its own name resolve to 127.0.0.1 (DNS
/// rebinding) sends another one.
bool names_loopback(std::string_view host);

}  // namespace redflag::daemon
