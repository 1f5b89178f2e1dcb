#include "alerts/route.h"

#include <algorithm>
#include <set>
#include <utility>

namespace redflag::alerts {

Router::Router(std::vector<Receiver> receivers, std::vector<Route> routes)
    : receivers_(std::move(receivers)), routes_(std::move(routes)) {}

std::vector<std::string> Router::receivers_of(const Notification& notification, Duration age) const {
  const bool about_alert = !notification.transitions.empty() &&
                           notification.kind != NotificationKind::digest &&
                           notification.kind != NotificationKind::notice;
  std::set<std::string_view> wanted;
  bool routed = false;
  if (about_alert) {
    for (const Route& route : routes_) {
      if (!matches(route.matchers, notification.transitions.front(), notification.run)) continue;
      // One that waits for an age has a say only then; until then the others decide.
      if (route.after > age) continue;
      routed = routed || route.after == Duration{};
      wanted.insert(route.receivers.begin(), route.receivers.end());
      if (!route.proceed && route.after == Duration{}) break;
    }
  }
  std::vector<std::string> names;
  for (const Receiver& receiver : receivers_) {
    if (routed && !wanted.contains(receiver.name)) continue;
    // A digest speaks of all severities; a resolved message has that which was announced.
    if (notification.kind != NotificationKind::digest && notification.severity < receiver.min_severity)
      continue;
    names.push_back(receiver.name);
  }
  return names;
}

std::vector<Duration> Router::later(const Notification& notification) const {
  std::vector<Duration> ages;
  if (notification.transitions.empty()) return ages;
  for (const Route& route : routes_) {
    if (route.after > Duration{} &&
        matches(route.matchers, notification.transitions.front(), notification.run))
      ages.push_back(route.after);
  }
  std::sort(ages.begin(), ages.end());
  ages.erase(std::unique(ages.begin(), ages.end()), ages.end());
  return ages;
}

}  // namespace redflag::alerts
