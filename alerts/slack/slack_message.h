// A notification in Slack's Block Kit. Every payload keeps Slack's limits whatever the names and texts are:
// header 150 characters, section 3,000, 10 fields of 2,000, 50 blocks, 12,000 in all (Slack refuses more near
// 13,200, undocumented). Text from outside stands in plain_text objects, which format and mention nothing;
// only links and dates are mrkdwn. Source: https://api.slack.com/reference/block-kit/blocks.
#pragma once

#include <string>
#include <string_view>

#include "alerts/alert.h"

namespace redflag::alerts {

/// What a phone shows: "CRITICAL full_ft_sst2_seed999_failed: train loss 8.45 > 5 at step 700". Escaped as
/// mrkdwn; one line.
std::string slack_summary(const Notification& notification);

/// The body to POST: {"text": …, "blocks": […]}. At most 12,000 UTF-16 units as JSON. A fired, escalated or
/// resolved notification without a transition is written as a notice.
std::string slack_payload(const Notification& notification);

/// {"text": …} without blocks, for when Slack refuses them (400 invalid_blocks).
std::string slack_fallback(const Notification& notification);

/// The same for what is told together: every alert once, as it is now, the most severe first; "and 17 more"
/// beyond twelve. A group of one is as above. Empty for a group without parts.
std::string slack_summary(const NotificationGroup& group);
std::string slack_payload(const NotificationGroup& group);
std::string slack_fallback(const NotificationGroup& group);

/// Adds a line of ours to a payload or fallback made by the above: as its last block, and to what a phone
/// shows. `remark`: plain text, short.
void add_slack_remark(std::string& payload, std::string_view remark);

}  // namespace redflag::alerts
