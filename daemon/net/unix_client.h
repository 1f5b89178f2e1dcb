// One request to a daemon on this machine, over its unix socket: what the operator's command needs, no more.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/net/http.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct UnixRequest {
  std::string socket;  ///< path
  std::string method = "GET";
  std::string target;                          ///< "/v1/alerts?limit=10"
  std::string body;                            ///< JSON; empty: none
  Duration timeout = std::chrono::seconds{5};  ///< for connecting, and again for the exchange; real time
  std::size_t max_response_bytes = std::size_t{64} << 20;
};

/// Connects, asks, and returns when the answer is there: it blocks for at most twice `timeout`, so it is not
/// for an event loop. Any HTTP status is an answer. Errors: not_found (no such socket), unavailable (nobody
/// listens), denied (the file's permissions), timed_out, malformed, too_large, invalid_input (the path).
Result<HttpResponse> ask_unix(const UnixRequest& request);

}  // namespace redflag::daemon
