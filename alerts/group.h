// What a group of announcements comes to when it is told at once: every alert once, as it is now, the worst
// first. All forms of a grouped message begin here.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "alerts/alert.h"

namespace redflag::alerts {

/// About an alert, and not a digest or a notice, which speak for themselves.
bool about_alert(const Notification& notification);

/// Of every alert the newest part (digests and notices all stay): what is not resolved before what is, then
/// the most severe, then what began first. Pointers into the group.
std::vector<const Notification*> present_parts(const NotificationGroup& group);

/// The worst of what is not resolved; when all is, the worst that had been announced. info for no parts.
Severity severity_of(const NotificationGroup& group);

struct GroupCounts {
  std::size_t critical = 0;  ///< the first three: not resolved
  std::size_t warning = 0;
  std::size_t info = 0;
  std::size_t resolved = 0;
  std::size_t firing() const { return critical + warning + info; }
};

GroupCounts count_parts(const std::vector<const Notification*>& parts);

/// "1 critical, 2 warnings, 1 resolved": what is 0 is left out.
std::string counts_words(const GroupCounts& counts);

/// Where all of it happened (a run's name, a file); empty when not all parts say the same.
std::string common_place(const std::vector<const Notification*>& parts);

/// "CRITICAL", "CRITICAL (was WARNING)", "STILL CRITICAL", "RESOLVED (was CRITICAL)".
std::string status_words(const Notification& notification);

/// What ended it: "train_loss is 0.41".
std::string resolved_words(const Transition& transition);

/// The message of an alert, or of its end; for a digest or a notice its title.
std::string what_words(const Notification& notification);

/// Ids of the alerts that it tells about, each once.
std::vector<std::string> alert_ids_of(const NotificationGroup& group);

}  // namespace redflag::alerts
