#include "alerts/slack/slack_sink.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/outbox/http_answer.h"

namespace redflag::alerts {
namespace {

/// Slack's word for what is wrong, and what a person can do about it.
struct Refusal {
  std::string_view word;
  std::string_view advice;
};

constexpr std::array<Refusal, 8> kPermanent{{
    {"action_prohibited", "an administrator has restricted this webhook"},
    {"invalid_token", "the webhook is not valid: create a new one"},
    {"posting_to_general_channel_denied", "the workspace does not let webhooks post to its general channel"},
    {"channel_not_found", "the webhook's channel is gone: create a new webhook"},
    {"no_service", "the webhook was revoked or disabled: create a new one"},
    {"no_team", "the workspace is gone or the URL is wrong"},
    {"channel_is_archived", "unarchive the channel or create a webhook for another"},
    {"user_not_found", "the webhook's user is gone: create a new webhook"},
}};

std::optional<Duration> stated_wait(const SinkAnswer& answer, const nlohmann::json& body, Time now) {
  if (const auto wait = retry_after_of(answer.retry_after, now)) return wait;
  if (body.is_object()) {
    const auto found = body.find("retry_after");
    if (found != body.end() && found->is_number()) return stated_seconds(found->get<double>());
  }
  return std::nullopt;
}

/// Slack answers webhooks with a bare word, and some errors with {"ok":false,"error":"word"}.
std::string error_word(const SinkAnswer& answer, const nlohmann::json& body) {
  if (body.is_object()) {
    const auto found = body.find("error");
    if (found != body.end() && found->is_string()) return found->get<std::string>();
  }
  return std::string(trimmed(answer.body));
}

}  // namespace

Verdict classify_slack_answer(const SinkAnswer& answer, Time now) {
  if (std::optional<Verdict> none = no_answer(answer)) return *none;
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  const std::string word = error_word(answer, body);
  if (answer.status == 200) {
    if (trimmed(answer.body) == "ok") return {Outcome::sent, std::nullopt, false, {}};
    return {Outcome::retry, std::nullopt, false, said(200, word) + " (expected \"ok\")"};
  }
  if (answer.status == 429) return rate_limited(stated_wait(answer, body, now));
  if (answer.status == 400 || answer.status == 413) {
    return {Outcome::form_refused, std::nullopt, false, said(answer.status, word)};
  }
  if (answer.status > 400 && answer.status < 500) {
    const auto refusal =
        std::find_if(kPermanent.begin(), kPermanent.end(), [&](const Refusal& r) { return r.word == word; });
    if (refusal != kPermanent.end()) {
      return {Outcome::permanent, std::nullopt, false,
              fmt::format("{} ({})", said(answer.status, word), refusal->advice)};
    }
  }
  // A 503 may say how long, too; that holds for this message.
  return {Outcome::retry, stated_wait(answer, body, now), false, said(answer.status, word)};
}

}  // namespace redflag::alerts
