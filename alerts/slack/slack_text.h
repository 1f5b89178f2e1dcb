// Text made safe for Slack. In its "mrkdwn" a name could otherwise format, link, or notify a whole channel.
// Source: https://api.slack.com/reference/surfaces/formatting.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "alerts/text/clean.h"
#include "rules/values/time.h"

namespace redflag::alerts {

/// For plain_text objects: cleaned (see text/clean.h), &, < and > as entities. The result, entities counted
/// in full, has at most `max_units` UTF-16 units and ends in "…" when something was cut off; never inside an
/// entity or a character. May be "".
std::string slack_plain(std::string_view raw, std::size_t max_units, Lines lines = Lines::join);

/// For mrkdwn objects and the top-level `text`. As above; besides, the marks * _ ~ ` that could format are
/// replaced by look-alikes (those between letters or digits, as in full_ft_sst2, cannot and stay), and
/// @channel, @here and @everyone lose their @.
std::string slack_mrkdwn(std::string_view raw, std::size_t max_units, Lines lines = Lines::join);

/// "<url|label>" in mrkdwn; just the label when `url` is not http(s), is longer than 1000 bytes or has
/// control characters. Characters that could end the link are percent-encoded.
std::string slack_link(std::string_view url, std::string_view label, std::size_t max_label_units);

/// "<!date^unix^{date_short_pretty} {time_secs}|2026-11-23 02:56:39 UTC>": each reader's own time zone.
/// "unknown" for Time{}.
std::string slack_date(Time time);

}  // namespace redflag::alerts
