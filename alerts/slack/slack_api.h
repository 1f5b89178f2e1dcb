// What an answer of Slack's Web API (chat.postMessage, chat.update) means. It says most refusals with status
// 200 and {"ok":false,"error":"word"}.
// Source: https://api.slack.com/methods/chat.postMessage#errors, https://api.slack.com/methods/chat.update.
#pragma once

#include <string>

#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

/// Sent only for 200 with "ok":true. 429 and "ratelimited" pause the channel. Words about the token, the
/// channel or the app's rights are permanent and say what to do; words about blocks and length refuse the
/// form; everything else is worth a retry.
Verdict classify_slack_api_answer(const SinkAnswer& answer, Time now);

/// Slack's word for what is wrong; empty when the answer is good, or is none of the API's.
std::string slack_api_error(const SinkAnswer& answer);

/// The message can no longer be edited (deleted, too old, somebody else's): post a new one instead.
bool slack_message_is_gone(const std::string& error);

/// The thread's first message is gone: begin a new thread.
bool slack_thread_is_gone(const std::string& error);

}  // namespace redflag::alerts
