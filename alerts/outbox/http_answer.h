// What every sink that speaks HTTP reads in the same way: how long to wait, what was said, that there was no
// answer at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

/// A Retry-After header: seconds, or an HTTP date (`now` is only used for that). At most a week; nullopt when
/// it is absent or cannot be understood.
std::optional<Duration> retry_after_of(std::string_view header, Time now);

/// Seconds from JSON or a header, at most a week; nullopt for negative ones and NaN.
std::optional<Duration> stated_seconds(double seconds);

/// Without the white space around it.
std::string_view trimmed(std::string_view text);

/// "HTTP 404: no_service", in one short line fit for a log.
std::string said(int status, std::string_view words);

/// The verdict when no complete answer came: a retry. nullopt when one did.
std::optional<Verdict> no_answer(const SinkAnswer& answer);

/// 429: the channel pauses for as long as `wait` says, or for as long as the dispatcher thinks right.
Verdict rate_limited(std::optional<Duration> wait);

/// What a person is to do about the two refusals that depend on the service.
struct HttpAdvice {
  std::string_view denied;     ///< for 401 and 403
  std::string_view not_found;  ///< for 404, 405 and 410
};

/// For services that say all with the status: 2xx is sent; 429 pauses the channel; 408, 425 and 5xx are worth
/// a retry (503 when it says so); redirects are not followed, they and every other 4xx are permanent.
Verdict classify_http_answer(const SinkAnswer& answer, Time now, const HttpAdvice& advice);

}  // namespace redflag::alerts
