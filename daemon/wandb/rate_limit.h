// When a service that is asked too much says we may come back: Retry-After and the RateLimit headers.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/net/http.h"

namespace redflag::daemon {

/// Retry-After: whole or fractional seconds, or an HTTP date in its usual form ("Sun, 06 Nov 1994 08:49:37
/// GMT"), relative to `now`. Never negative; nullopt when it cannot be read.
std::optional<Duration> retry_after_from(std::string_view value, Time now);

/// How long this response asks us to stay away: Retry-After of a 429 or 5xx, or RateLimit-Reset (seconds)
/// when RateLimit-Remaining is 0. At most one hour, so that a wrong header cannot silence the source for
/// good. Zero = no wish.
Duration wait_wanted(const HttpResponse& response, Time now);

}  // namespace redflag::daemon
