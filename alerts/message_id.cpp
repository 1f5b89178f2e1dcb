#include "alerts/message_id.h"

#include <fmt/format.h>

#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

std::string subject_of(const Notification& notification) {
  switch (notification.kind) {
    case NotificationKind::fired:
    case NotificationKind::escalated:
    case NotificationKind::repeated:
    case NotificationKind::resolved:
      if (!notification.transitions.empty()) return notification.transitions.front().id;
      break;
    case NotificationKind::digest:
    case NotificationKind::notice:
      break;
  }
  if (!notification.key.empty()) return stable_hash(notification.key);
  return stable_hash(fmt::format("{}\n{}\n{}", notification.title, notification.text,
                                 notification.time.time_since_epoch().count()));
}

}  // namespace

std::string message_id(const Notification& notification, std::string_view channel) {
  if (notification.kind == NotificationKind::repeated) {  // each reminder is a message of its own
    return fmt::format("{}-repeated-{}@{}", subject_of(notification),
                       notification.time.time_since_epoch().count(), channel);
  }
  return fmt::format("{}-{}-{}@{}", subject_of(notification), to_string(notification.kind),
                     to_string(notification.severity), channel);
}

}  // namespace redflag::alerts
