// A POST and its answer as the sinks read it: the one way in which every channel speaks HTTP.
#pragma once

#include "alerts/outbox/verdict.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

/// Sets the method, a time limit of 15 s and a limit to the answer's size. `request.label` is what errors
/// call it; its URL and headers appear in nothing that comes back.
asio::awaitable<alerts::SinkAnswer> http_post(HttpTransport& transport, HttpRequest request);

}  // namespace redflag::daemon
