// What Slack accepts as a message, by its documented limits (Block Kit reference), and how a message reads.
// Stricter than the service where its documentation and its practice differ: what passes here passes there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace redflag::daemon {

struct SlackVerdict {
  std::string error;  ///< what Slack would answer: "invalid_payload", "no_text", …; empty = accepted
  std::vector<std::string> reasons;  ///< for people: "blocks[2].text is 3,120 characters long, at most 3,000"
};

/// Characters are Unicode code points.
SlackVerdict check_slack_payload(const nlohmann::json& payload);

/// Everything a reader sees, top to bottom, one line per text: mrkdwn links as their label, &amp; &lt; &gt;
/// decoded.
std::string slack_plain_text(const nlohmann::json& payload);

}  // namespace redflag::daemon
