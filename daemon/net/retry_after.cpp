// Servers, proxies and rate limiters each write these headers in their own way; what cannot be read is passed
// over, never guessed.
#include "daemon/net/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <boost/beast/core/string.hpp>

namespace redflag::daemon {
namespace {

using namespace std::chrono;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Non-negative decimal; signs, exponents, "inf" and "nan" are refused.
std::optional<double> parse_decimal(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.size() > 32 || text.find_first_not_of("0123456789.") != std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

Duration wait_of(double seconds) {
  const double longest = duration<double>(kLongestServerWait).count();
  return duration_cast<Duration>(duration<double>(std::clamp(seconds, 0.0, longest)));
}

Duration wait_until(Time then, Time now) {
  return std::clamp(Duration{then - now}, Duration{0}, kLongestServerWait);
}

/// Takes words off the front of a date.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view next() {
    rest_ = rest_.substr(std::min(rest_.find_first_not_of(" ,-\t"), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" ,-\t"));
    rest_.remove_prefix(word.size());
    return word;
  }
  bool done() { return next().empty(); }

 private:
  std::string_view rest_;
};

std::optional<int> number(std::string_view word, std::size_t digits_least, std::size_t digits_most) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = error == std::errc{} && end == word.data() + word.size() && value >= 0;
  if (!whole || word.size() < digits_least || word.size() > digits_most) {
    return std::nullopt;
  }
  return value;
}

std::optional<unsigned> month_number(std::string_view word) {
  constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                        "jul", "aug", "sep", "oct", "nov", "dec"};
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (boost::beast::iequals(word, kMonths[i])) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::optional<seconds> time_of_day(std::string_view word) {
  if (word.size() != 8 || word[2] != ':' || word[5] != ':') {
    return std::nullopt;
  }
  const std::optional<int> hour = number(word.substr(0, 2), 2, 2);
  const std::optional<int> minute = number(word.substr(3, 2), 2, 2);
  const std::optional<int> second = number(word.substr(6, 2), 2, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {  // 60: a leap second
    return std::nullopt;
  }
  return hours{*hour} + minutes{*minute} + seconds{*second};
}

}  // namespace

std::optional<Time> parse_http_date(std::string_view text) {
  if (text.size() > 64) {
    return std::nullopt;
  }
  // All three forms begin with a weekday, which says nothing new; then "06 Nov 1994 08:49:37 GMT",
  // "06-Nov-94 08:49:37 GMT" or "Nov  6 08:49:37 1994".
  Words words(text);
  words.next();
  const std::string_view second = words.next();
  const bool asctime = month_number(second).has_value();
  const std::string_view third = words.next();
  const std::string_view fourth = words.next();
  const std::string_view fifth = words.next();

  const std::optional<int> day = number(asctime ? third : second, 1, 2);
  const std::optional<unsigned> month = month_number(asctime ? second : third);
  const std::optional<seconds> clock = time_of_day(asctime ? fourth : fifth);
  const std::string_view year_word = asctime ? fifth : fourth;
  std::optional<int> year = number(year_word, 2, 4);
  if (!day || !month || !clock || !year || year_word.size() == 3) {
    return std::nullopt;
  }
  if (!asctime && !boost::beast::iequals(words.next(), "GMT")) {
    return std::nullopt;
  }
  if (year_word.size() == 2) {
    *year += *year < 70 ? 2000 : 1900;
  }
  const year_month_day date{std::chrono::year{*year}, std::chrono::month{*month},
                            std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year < 1970 || !words.done()) {
    return std::nullopt;
  }
  return Time{sys_days{date}} + *clock;
}

std::optional<Duration> parse_retry_after(std::string_view text, Time now) {
  if (const std::optional<double> seconds = parse_decimal(text)) {
    return wait_of(*seconds);
  }
  if (const std::optional<Time> date = parse_http_date(trim(text))) {
    return wait_until(*date, now);
  }
  return std::nullopt;
}

std::optional<Duration> requested_wait(const HttpResponse& response, Time now) {
  if (const std::optional<Duration> wait = parse_retry_after(response.header("Retry-After"), now)) {
    return wait;
  }
  for (const auto& [remaining_name, reset_name] : {std::pair{"RateLimit-Remaining", "RateLimit-Reset"},
                                                   {"X-RateLimit-Remaining", "X-RateLimit-Reset"}}) {
    const std::optional<double> remaining = parse_decimal(response.header(remaining_name));
    const std::optional<double> reset = parse_decimal(response.header(reset_name));
    if (!remaining || *remaining >= 1 || !reset) {
      continue;
    }
    constexpr double kCannotBeSeconds = 1e9;  // 31 years; as a Unix time it is 2001
    if (*reset < kCannotBeSeconds) {
      return wait_of(*reset);
    }
    return wait_of(*reset - to_unix_seconds(now));
  }
  return std::nullopt;
}

}  // namespace redflag::daemon
