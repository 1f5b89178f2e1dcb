#include "daemon/wandb/rate_limit.h"

#include <algorithm>
#include <array>
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

int number_at(std::string_view text, std::size_t at, std::size_t length) {
  int value = 0;
  const auto part = text.substr(at, length);
  const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
  return code == std::errc{} && end == part.data() + part.size() ? value : -1;
}

/// IMF-fixdate of RFC 9110 5.6.7; the two obsolete forms are not sent by anybody any more.
std::optional<Time> http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const int hour = number_at(text, 17, 2);
  const int minute = number_at(text, 20, 2);
  const int second = number_at(text, 23, 2);
  const int day = number_at(text, 5, 2);
  const int year = number_at(text, 12, 4);
  if (month == kMonths.end() || day < 1 || year < 1970 || hour < 0 || minute < 0 || second < 0)
    return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
      std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return Time{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

Duration to_duration(double seconds) {
  return Duration{std::llround(seconds * 1e6)};
}

}  // namespace

std::optional<Duration> retry_after_from(std::string_view value, Time now) {
  value = trimmed(value);
  if (const auto seconds = seconds_from(value)) return to_duration(*seconds);
  if (const auto date = http_date(value)) return std::max(Duration::zero(), *date - now);
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
