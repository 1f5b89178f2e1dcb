// The bytes that go before a request's body.
#pragma once

#include <optional>
#include <string>

#include "daemon/net/http.h"
#include "daemon/net/proxy.h"
#include "daemon/net/url.h"

namespace redflag::daemon {

/// Request line and headers, the empty line included; in the absolute form when `proxy` is given and the URL
/// is plain http. Host, Content-Length, Connection, User-Agent and Accept-Encoding are set here; the caller
/// may override the last two. Error invalid_input: a method or header that would break the framing. No value
/// is repeated in it. Holds secrets.
Result<std::string> request_head(const HttpRequest& request, const Url& url,
                                 const std::optional<Proxy>& proxy, const std::string& user_agent);

/// The CONNECT request to a proxy for an https URL. Holds secrets.
std::string connect_head(const Url& url, const Proxy& proxy, const std::string& user_agent);

}  // namespace redflag::daemon
