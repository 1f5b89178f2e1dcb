#include "rules/values/time.h"

#include <limits>

#include "tests/support/catch.h"

using namespace redflag;
using namespace std::chrono_literals;

TEST_CASE("a time is written as RFC 3339 in UTC, with milliseconds only when there are any", "[time]") {
  const Time time = Time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + 2h + 56min + 39s;
  CHECK(to_rfc3339(time) == "2026-11-23T02:56:39Z");
  CHECK(to_rfc3339(time + 250ms) == "2026-11-23T02:56:39.250Z");
}

TEST_CASE("times are read in every spelling that W&B and Python use", "[time]") {
  const Time expected = Time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + 2h + 56min + 39s;
  CHECK(parse_rfc3339("2026-11-23T02:56:39Z") == expected);
  CHECK(parse_rfc3339("2026-11-23T02:56:39") == expected);
  CHECK(parse_rfc3339("2026-11-23 02:56:39") == expected);
  CHECK(parse_rfc3339("2026-11-23T03:56:39+01:00") == expected);
  CHECK(parse_rfc3339("2026-11-22T21:26:39-0530") == expected);
  CHECK(parse_rfc3339("2026-11-23T02:56:39.5Z") == expected + 500ms);
  CHECK(parse_rfc3339("2026-11-23T02:56:39.123456789Z") == expected + 123456us);
}

TEST_CASE("what is not a time is refused", "[time]") {
  for (const char* text :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23", "2026-11-23T25:00:00Z",
        "2026-11-23T02:56:39Zx", "2026-11-23T02:56:39+25:00", "yesterday"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
  }
}

TEST_CASE("unix seconds that cannot be a date become \"not known\"", "[time]") {
  CHECK(from_unix_seconds(std::numeric_limits<double>::quiet_NaN()) == Time{});
  CHECK(from_unix_seconds(std::numeric_limits<double>::infinity()) == Time{});
  CHECK(from_unix_seconds(-1.0) == Time{});
  CHECK(from_unix_seconds(1e18) == Time{});
  CHECK(to_unix_seconds(from_unix_seconds(1795402600.143409)) == Approx(1795402600.143409).epsilon(1e-15));
}

TEST_CASE("durations read as a person says them", "[time]") {
  CHECK(human_duration(450ms) == "450 ms");
  CHECK(human_duration(12s) == "12 s");
  CHECK(human_duration(3min) == "3 min");
  CHECK(human_duration(3min + 20s) == "3 min 20 s");
  CHECK(human_duration(2h + 5min) == "2 h 05 min");
  CHECK(human_duration(99h) == "4 d 3 h");
  CHECK(human_duration(-90s) == "-1 min 30 s");
}

TEST_CASE("HTTP dates are read and written", "[time]") {
  const Time time = *parse_rfc3339("2026-10-21T07:28:00Z");
  CHECK(to_http_date(time) == "Wed, 21 Oct 2026 07:28:00 GMT");
  CHECK(parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT") == time);
  CHECK(parse_http_date(to_http_date(*parse_rfc3339("2024-02-29T23:59:59Z"))) ==
        parse_rfc3339("2024-02-29T23:59:59Z"));
  for (const char* wrong : {"", "Wed, 21 Oct 2026 07:28:00", "Wed, 21 Okt 2026 07:28:00 GMT",
                            "Wed, 31 Feb 2026 07:28:00 GMT", "Wed, 21 Oct 2026 7:28:000 GMT",
                            "Wednesday, 21-Oct-26 07:28:00 GMT", "Wed, xx Oct 2026 07:28:00 GMT"}) {
    CHECK_FALSE(parse_http_date(wrong).has_value());
  }
}
