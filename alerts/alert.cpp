// The names of the small enumerations, as they are logged and kept.
#include "alerts/alert.h"

#include "alerts/outbox_message.h"

namespace redflag::alerts {

std::string_view to_string(NotificationKind kind) {
  switch (kind) {
    case NotificationKind::fired:
      return "fired";
    case NotificationKind::escalated:
      return "escalated";
    case NotificationKind::repeated:
      return "repeated";
    case NotificationKind::resolved:
      return "resolved";
    case NotificationKind::digest:
      return "digest";
    case NotificationKind::notice:
      return "notice";
  }
  return "unknown";
}

std::string_view to_string(MessageState state) {
  switch (state) {
    case MessageState::queued:
      return "queued";
    case MessageState::sent:
      return "sent";
    case MessageState::parked:
      return "parked";
    case MessageState::dropped:
      return "dropped";
  }
  return "unknown";
}

std::optional<MessageState> message_state_from(std::string_view name) {
  for (const MessageState state :
       {MessageState::queued, MessageState::sent, MessageState::parked, MessageState::dropped}) {
    if (to_string(state) == name) return state;
  }
  return std::nullopt;
}

}  // namespace redflag::alerts
