// What the journal is told of an announcement besides its line, so that `journalctl
// REDFLAG_RULE=loss-too-high` finds it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "alerts/alert.h"

namespace redflag::alerts {

/// Names and values: REDFLAG_KIND, _SEVERITY, and for an alert _ALERT_ID, _RULE, _PACK, _RUN (its name),
/// _RUN_KEY, _SUBJECT_KIND, _SUBJECT, _STEP, _VALUE, _TASK, _METHOD, _SEED, _HINT; for a digest or a notice
/// _TITLE. What is not known is left out. Values are raw: the journal takes any bytes.
std::vector<std::pair<std::string, std::string>> journal_fields(const Notification& notification);

}  // namespace redflag::alerts
