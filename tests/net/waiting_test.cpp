// When to come back: Retry-After and back-off.
#include "daemon/net/backoff.h"
#include "daemon/net/retry_after.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

const Time kNow = *parse_rfc3339("2026-11-23T10:00:00Z");

std::optional<Duration> wait(std::vector<HttpHeader> headers) {
  HttpResponse response;
  response.headers = std::move(headers);
  return requested_wait(response, kNow);
}

}  // namespace

TEST_CASE("Retry-After in seconds is understood", "[net][retry-after]") {
  CHECK(parse_retry_after("0", kNow) == Duration{0});
  CHECK(parse_retry_after(" 30 ", kNow) == Duration{30s});
  CHECK(parse_retry_after("1.5", kNow) == Duration{1500ms});
  CHECK(parse_retry_after("99999999999999999999", kNow) == kLongestServerWait);
}

TEST_CASE("Retry-After as a date is understood in all three forms", "[net][retry-after]") {
  CHECK(parse_retry_after("Mon, 23 Nov 2026 10:00:30 GMT", kNow) == Duration{30s});
  CHECK(parse_retry_after("Monday, 23-Nov-26 10:01:00 GMT", kNow) == Duration{1min});
  CHECK(parse_retry_after("Mon Nov 23 10:02:00 2026", kNow) == Duration{2min});
  CHECK(parse_retry_after("Mon, 23 Nov 2026 09:00:00 GMT", kNow) == Duration{0});
  CHECK(parse_retry_after("Tue, 24 Nov 2037 10:00:00 GMT", kNow) == kLongestServerWait);
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == Time{784'111'777s});
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == Time{784'111'777s});
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == Time{784'111'777s});
}

TEST_CASE("A Retry-After that says nothing sensible is passed over", "[net][retry-after]") {
  for (const char* text :
       {"", "soon", "-5", "1e9", "nan", "inf", "1.2.3", "Mon, 31 Feb 2026 10:00:00 GMT",
        "Mon, 23 Nov 2026 25:00:00 GMT", "Mon, 23 Nov 2026 10:00:00 CET", "Mon, 23 Nov 2026",
        "Mon, 23 Nov 2026 10:00:00 GMT and more", "23 23 23 23 23", ",,,,"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_retry_after(text, kNow));
  }
  CHECK_FALSE(parse_retry_after(std::string(100'000, '9'), kNow));
}

TEST_CASE("A used-up rate limit asks for a wait until its reset", "[net][retry-after]") {
  CHECK_FALSE(wait({}));
  CHECK_FALSE(wait({{"RateLimit-Remaining", "3"}, {"RateLimit-Reset", "20"}}));
  CHECK_FALSE(wait({{"RateLimit-Remaining", "0"}}));
  CHECK(wait({{"ratelimit-remaining", "0"}, {"RATELIMIT-RESET", "20"}}) == Duration{20s});
  CHECK(wait({{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "7"}}) == Duration{7s});
  CHECK(wait({{"Retry-After", "3"}, {"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "20"}}) ==
        Duration{3s});
  const auto unix_now = std::chrono::duration_cast<std::chrono::seconds>(kNow.time_since_epoch()).count();
  CHECK(wait({{"RateLimit-Remaining", "0"}, {"RateLimit-Reset", std::to_string(unix_now + 40)}}) ==
        Duration{40s});
}

TEST_CASE("Back-off grows to its cap, stays inside its limits and starts over after a success",
          "[net][backoff]") {
  std::mt19937_64 random(42);
  Backoff backoff({1s, 60s, 100ms}, random);
  Duration limit = 1s;
  Duration longest{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = backoff.next();
    REQUIRE(wait >= 100ms);
    REQUIRE(wait <= limit);
    limit = std::min<Duration>(limit * 2, 60s);
    longest = std::max(longest, wait);
  }
  CHECK(longest > 50s);
  backoff.reset();
  CHECK(backoff.failures() == 0);
  CHECK(backoff.next() <= 1s);
}

TEST_CASE("Back-off spreads its waits over the whole range", "[net][backoff]") {
  std::mt19937_64 random(7);
  int low = 0;
  for (int i = 0; i < 1000; ++i) {
    Backoff backoff({10s, 10s, 0s}, random);
    low += backoff.next() < 5s ? 1 : 0;
  }
  CHECK(low > 400);
  CHECK(low < 600);
}

TEST_CASE("Back-off is never shorter than what the server asked for", "[net][backoff]") {
  std::mt19937_64 random(1);
  Backoff backoff({1s, 60s, 100ms}, random);
  CHECK(backoff.next(10min) == Duration{10min});
}

TEST_CASE("The same seed gives the same waits", "[net][backoff]") {
  std::mt19937_64 one(5);
  std::mt19937_64 other(5);
  Backoff first({}, one);
  Backoff second({}, other);
  for (int i = 0; i < 20; ++i) {
    CHECK(first.next() == second.next());
  }
}
