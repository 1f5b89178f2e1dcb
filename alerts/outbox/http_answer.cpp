#include "alerts/outbox/http_answer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "alerts/text/clean.h"

namespace redflag::alerts {
namespace {

constexpr double kMaxStatedSeconds = 7.0 * 86400;

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::optional<Duration> stated_seconds(double seconds) {
  if (!(seconds >= 0)) return std::nullopt;
  return Duration{static_cast<Duration::rep>(std::llround(std::min(seconds, kMaxStatedSeconds) * 1e6))};
}

std::optional<Duration> retry_after_of(std::string_view raw, Time now) {
  const std::string header(trimmed(raw));
  if (header.empty()) return std::nullopt;
  if (const auto date = parse_http_date(header))
    return std::clamp(*date - now, Duration::zero(), *stated_seconds(kMaxStatedSeconds));
  const bool number = header.find_first_not_of("0123456789.") == std::string::npos && header.front() != '.';
  return number ? stated_seconds(std::strtod(header.c_str(), nullptr)) : std::nullopt;
}

std::string said(int status, std::string_view words) {
  const std::string shown = clean(words, 120);
  return shown.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, shown);
}

std::optional<Verdict> no_answer(const SinkAnswer& answer) {
  if (!answer.transport_error && answer.status != 0) return std::nullopt;
  const std::string text = clean(answer.transport_text, 200);
  return Verdict{Outcome::retry, std::nullopt, false, text.empty() ? "no answer" : text};
}

Verdict rate_limited(std::optional<Duration> wait) {
  const std::string how_long =
      wait ? ", asked to wait " + human_duration(*wait) : ", not told how long to wait";
  return {Outcome::retry, wait, true, "HTTP 429: rate limited" + how_long};
}

Verdict classify_http_answer(const SinkAnswer& answer, Time now, const HttpAdvice& advice) {
  if (std::optional<Verdict> none = no_answer(answer)) return *none;
  const int status = answer.status;
  const std::string words = said(status, answer.body);
  const std::optional<Duration> wait = retry_after_of(answer.retry_after, now);
  const auto never = [&words](std::string_view what_to_do) {
    const std::string reason = what_to_do.empty() ? words : fmt::format("{} ({})", words, what_to_do);
    return Verdict{Outcome::permanent, std::nullopt, false, reason};
  };
  if (status >= 200 && status < 300) return {Outcome::sent, std::nullopt, false, {}};
  if (status == 429) return rate_limited(wait);
  if (status >= 300 && status < 400)
    return never("redirects are not followed: configure the address it redirects to");
  if (status == 401 || status == 403) return never(advice.denied);
  if (status == 404 || status == 405 || status == 410) return never(advice.not_found);
  if (status == 407) return {Outcome::retry, wait, false, words + " (the proxy asks for a password)"};
  if (status >= 400 && status < 500 && status != 408 && status != 425) return never({});
  return {Outcome::retry, wait, status == 503 && wait.has_value(), words};
}

}  // namespace redflag::alerts
