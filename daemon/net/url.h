// The URLs redflag can talk to: absolute, http or https. A URL may hold a secret (a Slack webhook is one), so
// no error made here repeats it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::daemon {

struct Url {
  bool tls = false;  ///< https
  std::string
      host;  ///< lower case; an IPv6 literal without its brackets; international names stay in punycode
  bool ipv6 = false;       ///< `host` is an IPv6 literal
  std::uint16_t port = 0;  ///< never 0: 80 or 443 when the text names none
  std::string target;      ///< path and query as they were written, beginning with '/'; no fragment

  /// As the Host header wants it: brackets around IPv6, the port only when it is not the scheme's own.
  std::string authority() const;
  /// "api.wandb.ai:443", "[::1]:8443": for CONNECT and for naming a peer.
  std::string host_and_port() const;
  /// "https://api.wandb.ai:443": all but the part that may be secret.
  std::string origin() const;
};

/// Reads an absolute URL (RFC 3986). Refused with ErrorCode::invalid_input: other schemes, user names and
/// passwords in the URL, spaces, control characters, anything not ASCII, ports outside 1–65535, more than 16
/// KiB. `doing` goes into the error.
Result<Url> parse_url(std::string_view text, std::string_view doing);

/// Percent-encodes everything but RFC 3986's unreserved characters: fit for a path segment or a query value.
std::string percent_encode(std::string_view text);

}  // namespace redflag::daemon
