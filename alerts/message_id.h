// The identity of an outgoing message. The outbox refuses an id it has seen, so processing a transition again
// (after a crash, a replay) cannot enqueue its message a second time.
#pragma once

#include <string>
#include <string_view>

#include "alerts/alert.h"

namespace redflag::alerts {

/// "ALERT-KIND-SEVERITY@CHANNEL", e.g. "9f3c0a4be2d17788-fired-critical@slack". For a digest or a notice
/// ALERT is a hash of its key, or of title, text and time when it has none. The same on every machine, and
/// never changed by a restart.
std::string message_id(const Notification& notification, std::string_view channel);

}  // namespace redflag::alerts
