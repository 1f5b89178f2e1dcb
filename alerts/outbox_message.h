// A message on its way to a channel. It is committed to the store before anything is sent and leaves it only
// when the channel has taken it, or a person has dropped it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/time.h"

namespace redflag::alerts {

enum class MessageState : std::uint8_t {
  queued,
  sent,
  parked,   ///< the channel refused it for good; kept, shown in status, retried only by a person
  dropped,  ///< a person dropped it, or it had waited too long; kept until retention ends, never sent
};

std::string_view to_string(MessageState state);
std::optional<MessageState> message_state_from(std::string_view name);

struct OutboxMessage {
  std::string id;       ///< unique; derived from what it announces, so that a replay cannot enqueue it twice
  std::string channel;  ///< receiver's name: "slack", "log"
  std::vector<std::string> alert_ids;  ///< the alerts it tells about
  std::string payload;                 ///< ready to send (for Slack the JSON body); holds no secret
  std::string fallback;                ///< plainer form for a channel that rejects the first; may be empty
  Time created;
  MessageState state = MessageState::queued;
  std::uint32_t attempts = 0;
  std::uint32_t revision = 0;  ///< counts what was added to it while it waited (a burst becomes one message)
  Time not_before;             ///< next attempt; Time{} = at once
  std::string last_error;      ///< for people; holds no secret
  bool undurable = false;      ///< given out before it was kept, for the disk took nothing
};

}  // namespace redflag::alerts
