// Points in time as they travel with observations. Nothing here reads a clock: time always comes in from
// outside.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace redflag {

/// UTC wall time in microseconds. The epoch itself (`Time{}`) means "not known".
using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

/// "2026-11-23T02:56:39Z", with milliseconds when there are any: "2026-11-23T02:56:39.250Z".
std::string to_rfc3339(Time time);

/// Reads RFC 3339 and the ISO 8601 forms that Python writes: "T" or a space, a fraction of any length, "Z",
/// an offset, or neither (taken as UTC, as W&B means it). Nothing else is accepted.
std::optional<Time> parse_rfc3339(std::string_view text);

/// "Wed, 21 Oct 2026 07:28:00 GMT": the one form of RFC 9110 5.6.7 that anybody still sends (IMF-fixdate).
/// The day of the week is not looked at.
std::string to_http_date(Time time);
std::optional<Time> parse_http_date(std::string_view text);

/// Unix seconds, fractions kept to the microsecond. NaN and values beyond the year 9999 give Time{}.
Time from_unix_seconds(double seconds);
double to_unix_seconds(Time time);

/// A duration as a person says it: "450 ms", "12 s", "3 min 20 s", "2 h 05 min", "4 d 3 h".
std::string human_duration(Duration duration);

}  // namespace redflag
