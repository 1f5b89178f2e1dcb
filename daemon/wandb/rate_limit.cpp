#include "daemon/wandb/rate_limit.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace redflag::daemon {
namespace {

constexpr Duration kLongest = std::chrono::hours{1};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> seconds_from(std::string_view text) {
  double seconds = 0.0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(seconds) || seconds < 0.0) return std::nullopt;
  return std::min(seconds, 1e9);
}

Duration to_duration(double seconds) {
  return Duration{std::llround(seconds * 1e6)};
}

}  // namespace

std::optional<Duration> retry_after_from(std::string_view value, Time now) {
  value = trimmed(value);
  if (const auto seconds = seconds_from(value)) return to_duration(*seconds);
  if (const auto date = parse_http_date(value)) return std::max(Duration::zero(), *date - now);
  return std::nullopt;
}

Duration wait_wanted(const HttpResponse& response, Time now) {
  Duration wanted{};
  if (response.status == 429 || response.status >= 500) {
    wanted = retry_after_from(response.header("Retry-After"), now).value_or(Duration::zero());
  }
  const auto remaining = seconds_from(trimmed(response.header("RateLimit-Remaining")));
  const auto reset = seconds_from(trimmed(response.header("RateLimit-Reset")));
  if (remaining && *remaining < 1.0 && reset) wanted = std::max(wanted, to_duration(*reset));
  return std::min(wanted, kLongest);
}

}  // namespace redflag::daemon
