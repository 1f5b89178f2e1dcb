#include "alerts/slack/slack_sink.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/clean.h"

namespace redflag::alerts {
namespace {

constexpr double kMaxStatedSeconds = 7.0 * 86400;

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

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::optional<Duration> seconds_of(double seconds) {
  if (!(seconds >= 0)) return std::nullopt;
  return Duration{static_cast<Duration::rep>(std::llround(std::min(seconds, kMaxStatedSeconds) * 1e6))};
}

/// "Wed, 21 Oct 2026 07:28:00 GMT" (RFC 9110's IMF-fixdate).
std::optional<Time> http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const std::string iso = fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month - kMonths.begin() + 1,
                                      text.substr(5, 2), text.substr(17, 8));
  return parse_rfc3339(iso);
}

std::optional<Duration> stated_wait(const SinkAnswer& answer, const nlohmann::json& body, Time now) {
  const std::string header(trimmed(answer.retry_after));
  if (!header.empty()) {
    if (const auto date = http_date(header))
      return std::clamp(*date - now, Duration::zero(), *seconds_of(kMaxStatedSeconds));
    const bool number = header.find_first_not_of("0123456789.") == std::string::npos && header.front() != '.';
    if (number) return seconds_of(std::strtod(header.c_str(), nullptr));
  }
  if (body.is_object()) {
    const auto found = body.find("retry_after");
    if (found != body.end() && found->is_number()) return seconds_of(found->get<double>());
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

std::string said(int status, std::string_view word) {
  const std::string shown = clean(word, 120);
  return shown.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, shown);
}

}  // namespace

Verdict classify_slack_answer(const SinkAnswer& answer, Time now) {
  if (answer.transport_error || answer.status == 0) {
    const std::string text = clean(answer.transport_text, 200);
    return {Outcome::retry, std::nullopt, false, text.empty() ? "no answer" : text};
  }
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  const std::string word = error_word(answer, body);
  if (answer.status == 200) {
    if (trimmed(answer.body) == "ok") return {Outcome::sent, std::nullopt, false, {}};
    return {Outcome::retry, std::nullopt, false, said(200, word) + " (expected \"ok\")"};
  }
  if (answer.status == 429) {
    const auto wait = stated_wait(answer, body, now);
    const std::string how_long =
        wait ? ", asked to wait " + human_duration(*wait) : ", not told how long to wait";
    return {Outcome::retry, wait, true, "HTTP 429: rate limited" + how_long};
  }
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
