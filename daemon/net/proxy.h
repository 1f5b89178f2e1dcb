// HTTP proxies: which one a request goes through. Reading HTTPS_PROXY, HTTP_PROXY and NO_PROXY is the
// configuration's work.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "daemon/net/url.h"

namespace redflag::daemon {

/// A proxy spoken to in plain HTTP: CONNECT for https, the absolute form for http.
struct Proxy {
  std::string host;  ///< name or IP literal without brackets
  std::uint16_t port = 3128;
  std::string credentials;  ///< "user:password" for Basic authentication; empty for none. A secret.
};

/// Called on the event loop for every request; nothing means a direct connection. Must not throw.
using ProxyFor = std::function<std::optional<Proxy>(const Url& url)>;

/// The value of Proxy-Authorization, "Basic …"; empty without credentials. A secret.
std::string proxy_authorization(const Proxy& proxy);

}  // namespace redflag::daemon
