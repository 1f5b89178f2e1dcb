// What a server says about when to come back.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/net/http.h"
#include "rules/values/time.h"

namespace redflag::daemon {

/// No server is believed when it asks for a longer pause than this.
inline constexpr Duration kLongestServerWait = std::chrono::hours{24};

/// Retry-After (RFC 9110, 10.2.3): seconds, a fraction allowed, or an HTTP date in any of its three forms. A
/// date in the past gives zero; anything longer than kLongestServerWait is cut to it; what cannot be read
/// gives nothing.
std::optional<Duration> parse_retry_after(std::string_view text, Time now);

/// An HTTP date: "Sun, 06 Nov 1994 08:49:37 GMT", and the obsolete RFC 850 and asctime forms.
std::optional<Time> parse_http_date(std::string_view text);

/// How long the response asks to wait before the next request: Retry-After if there is one, else
/// RateLimit-Reset when RateLimit-Remaining says that nothing is left (the X- forms too; Reset is seconds
/// from now, or a Unix time when it is too large for that). Nothing when the server asks for no wait.
std::optional<Duration> requested_wait(const HttpResponse& response, Time now);

}  // namespace redflag::daemon
