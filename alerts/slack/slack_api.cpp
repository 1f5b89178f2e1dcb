#include "alerts/slack/slack_api.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/outbox/http_answer.h"
#include "alerts/text/clean.h"

namespace redflag::alerts {
namespace {

struct Refusal {
  std::string_view word;
  std::string_view advice;
};

constexpr std::string_view kNewToken = "put a valid bot token (xoxb-…) into the receiver's token_file";

constexpr std::array<Refusal, 22> kPermanent{{
    {"not_authed", kNewToken},
    {"invalid_auth", kNewToken},
    {"account_inactive", "the bot's user or workspace was deleted: install the app again"},
    {"token_revoked", "the token was revoked: install the app again and use its new token"},
    {"token_expired", "the token has expired: use one that does not rotate"},
    {"channel_not_found", "check the receiver's channel (its id, C0123…, is best), and invite the bot to it"},
    {"not_in_channel",
     "invite the bot to the channel (/invite @name), or give it the scope chat:write.public"},
    {"is_archived", "unarchive the channel or name another"},
    {"no_permission", "the bot may not post there: check the channel's posting rights and the app's scopes"},
    {"missing_scope", "give the app the scope chat:write and install it again"},
    {"restricted_action", "a workspace setting keeps the bot from posting in this channel"},
    {"restricted_action_read_only_channel", "the channel is read-only for the bot"},
    {"restricted_action_thread_only_channel", "the channel takes replies only: name another"},
    {"ekm_access_denied", "an administrator has suspended the workspace's keys"},
    {"access_denied", "the bot has no access to it"},
    {"not_allowed_token_type", "use a bot token (xoxb-…)"},
    {"org_login_required", "the workspace is being moved: wait, then retry the message"},
    {"team_access_not_granted", "install the app in this workspace"},
    {"enterprise_is_restricted", "this workspace does not allow the method: ask an administrator"},
    {"method_deprecated", "update redflag"},
    {"as_user_not_supported", "use a bot token (xoxb-…)"},
    {"accesslimited", "the workspace limits access to this method: ask an administrator"},
}};

constexpr std::array<std::string_view, 10> kForm{
    "invalid_blocks",  "invalid_blocks_format", "msg_too_long",      "msg_blocks_too_long",
    "no_text",         "too_many_attachments",  "invalid_arguments", "invalid_attachments",
    "blocks_too_long", "invalid_json"};

constexpr std::array<std::string_view, 3> kRateWords{"ratelimited", "rate_limited", "message_limit_exceeded"};

template <typename List>
bool among(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

std::string slack_api_error(const SinkAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.transport_error || !body.is_object()) return {};
  const auto found = body.find("error");
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool slack_message_is_gone(const std::string& error) {
  constexpr std::array<std::string_view, 4> kGone{"message_not_found", "cant_update_message",
                                                  "edit_window_closed", "is_inactive"};
  return among(kGone, error);
}

bool slack_thread_is_gone(const std::string& error) {
  constexpr std::array<std::string_view, 4> kGone{"thread_not_found", "cannot_reply_to_message",
                                                  "message_not_found", "invalid_thread_ts"};
  return among(kGone, error);
}

Verdict classify_slack_api_answer(const SinkAnswer& answer, Time now) {
  if (std::optional<Verdict> none = no_answer(answer)) return *none;
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  const std::string word = slack_api_error(answer);
  if (answer.status == 429 || among(kRateWords, word))
    return rate_limited(retry_after_of(answer.retry_after, now));
  if (answer.status == 200 && body.is_object()) {
    const auto good = body.find("ok");
    if (good != body.end() && good->is_boolean() && good->get<bool>())
      return {Outcome::sent, std::nullopt, false, {}};
  }
  const std::string words = word.empty() ? said(answer.status, body.is_object() ? "" : answer.body)
                                         : "Slack says " + clean(word, 120);
  if (answer.status < 500) {
    const auto refusal =
        std::find_if(kPermanent.begin(), kPermanent.end(), [&](const Refusal& r) { return r.word == word; });
    if (refusal != kPermanent.end())
      return {Outcome::permanent, std::nullopt, false, fmt::format("{} ({})", words, refusal->advice)};
    if (among(kForm, word) || answer.status == 413)
      return {Outcome::form_refused, std::nullopt, false, words};
  }
  return {Outcome::retry, retry_after_of(answer.retry_after, now), false, words};
}

}  // namespace redflag::alerts
