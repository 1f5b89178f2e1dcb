// Places on this machine where a part of redflagd may listen: an address that only this machine can reach.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::daemon {

struct ListenAddress {
  std::string address;  ///< "127.0.0.1", "::1"
  std::uint16_t port = 0;

  /// "127.0.0.1:9736", "[::1]:9736".
  std::string text() const;
};

/// "127.0.0.1:9736", "[::1]:9736" or "localhost:9736". Errors (invalid_input): anything else, port 0, and
/// every address that another machine could reach.
Result<ListenAddress> parse_listen(std::string_view text);

/// Is this Host header a name of this machine for itself ("localhost:8765", "127.0.0.1", "[::1]:80")? Any
/// port: through a tunnel it is another. A page in a browser that has its own name resolve to 127.0.0.1 (DNS
/// rebinding) sends another one.
bool names_loopback(std::string_view host);

}  // namespace redflag::daemon
