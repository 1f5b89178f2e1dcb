// Announcements as a message of the bot keeps them: what its form shows and no more, so that the message can
// be written anew when one of its alerts has ended.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "alerts/alert.h"

namespace redflag::alerts {

/// An array. Texts are cut to what a message shows; parts beyond those that get a section of their own keep
/// only what the count of the rest says of them.
nlohmann::json parts_to_json(const NotificationGroup& group);

/// The way back. What cannot be read is left out; never throws.
NotificationGroup parts_from_json(const nlohmann::json& parts);

}  // namespace redflag::alerts
