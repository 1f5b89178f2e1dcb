// An independent reading of Slack's rules: what it would refuse, and what it would let a stranger's name do.
// Shares no code with the writer of the messages.
#pragma once

#include <string>
#include <vector>

namespace redflag::alerts::test {

/// Every rule the payload breaks, in words; empty when Slack would take it and nothing in it formats, links
/// or mentions what the sender did not mean.
std::vector<std::string> slack_complaints(const std::string& payload);

}  // namespace redflag::alerts::test
