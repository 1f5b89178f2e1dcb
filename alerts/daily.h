// The daily digest: what fired in a day, what still does, and what nobody was told of.
#pragma once

#include <string>
#include <vector>

#include "alerts/alert.h"

namespace redflag::alerts {

/// `alerts`: all that are known, firing or ended. Those that fired in [from, to) are counted, those that fire
/// at `to` listed. A digest pages nobody; its severity is info.
Notification daily_digest(const std::vector<Alert>& alerts, Time from, Time to);

}  // namespace redflag::alerts
