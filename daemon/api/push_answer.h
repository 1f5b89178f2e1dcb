// The answer to pushed observations: how many lines are kept, and what is wrong with the others.
#pragma once

#include "daemon/follow/push.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon::api {

/// 200 when any line was accepted (or none was sent), else 400.
/// {"accepted": 3, "errors": [{"line": 2, "error": "…"}], "more_errors": false}; at most 100 errors are
/// listed.
asio::awaitable<ServerResponse> answer_push(follow::PushIntake& push, std::string body, std::int64_t pid = 0);

}  // namespace redflag::daemon::api
