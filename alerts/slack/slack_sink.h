// What an answer of a Slack incoming webhook means for the message and for the channel.
// Source: https://api.slack.com/messaging/webhooks#handling_errors and
// https://api.slack.com/docs/rate-limits.
#pragma once

#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

/// 200 with the body "ok" is success, any other 200 is not. 429 pauses the channel: for Retry-After (seconds
/// or an HTTP date), else the body's `retry_after`, else unstated. Words that Slack says only when somebody
/// has to act (a revoked webhook, an archived channel…) are permanent, at any 4xx; a 400 or 413 is worth the
/// plain form once. Everything else is worth a retry: 5xx, no answer, redirects, and the 4xx of proxies.
/// `now` is only used to read a Retry-After that is a date.
Verdict classify_slack_answer(const SinkAnswer& answer, Time now);

}  // namespace redflag::alerts
