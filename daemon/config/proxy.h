// Which proxy a request goes through: the variables that curl, Python and W&B's own client read, and the
// configuration's keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/environment.h"
#include "daemon/config/secret.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// An HTTP proxy. For https targets it is asked to CONNECT.
struct ProxyUrl {
  std::string host;  ///< an IPv6 address without its brackets
  std::uint16_t port = 0;
  Secret credentials;  ///< "user:password", percent-decoded, for Proxy-Authorization: Basic; empty = none
  std::string origin;  ///< "HTTPS_PROXY", "network.proxy"

  /// "http://proxy:3128", with " (credentials set)" when there are any.
  std::string text() const;
};

/// Reads "http://[user:password@]host[:port][/]"; the scheme may be left out (http), as may the port (80, as
/// Go does; curl takes 1080). The error never quotes the URL.
Result<ProxyUrl> parse_proxy_url(std::string_view url, std::string origin);

struct ProxySettings {
  std::optional<ProxyUrl> http;       ///< for http:// targets
  std::optional<ProxyUrl> https;      ///< for https:// targets
  std::vector<std::string> no_proxy;  ///< lower case: "*", a host or domain (matches it and what ends in
                                      ///< ".domain"), an IP address, each optionally with ":port"

  /// The proxy for this URL; nullopt = connect directly. Loopback ("localhost", 127.*, ::1) is always direct:
  /// no proxy could reach our loopback. A URL that cannot be read gets none.
  std::optional<ProxyUrl> proxy_for(std::string_view url) const;
};

/// From HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. The lower-case spelling wins where both are set, and
/// HTTP_PROXY counts in lower case only while REQUEST_METHOD is set (a CGI client could set it:
/// CVE-2016-5385). An empty value is "not set".
Result<ProxySettings> proxy_from_environment(const Environment& env);

/// Adds the entries of a list separated by commas or spaces, in lower case, without "*." or "." in front.
void add_no_proxy(std::vector<std::string>& into, std::string_view list);

}  // namespace redflag::daemon
