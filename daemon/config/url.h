// Splits the few kinds of URL that a configuration names. Strict: what it accepts is safe to put into a
// request line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::daemon::settings {

struct UrlParts {
  std::string scheme;      ///< lower case
  std::string userinfo;    ///< a secret; still percent-encoded; empty when there is none
  std::string host;        ///< lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;  ///< the scheme's own when not given (http 80, https 443), 0 for other schemes
  bool port_given = false;
  std::string path;  ///< path, query and fragment as written; may be empty
};

/// Why not, without quoting the URL (it may hold a secret).
tl::expected<UrlParts, std::string> split_url(std::string_view url);

/// "http", "https" → 80, 443; otherwise 0.
std::uint16_t default_port(std::string_view scheme);
std::string lower_case(std::string_view text);

}  // namespace redflag::daemon::settings
