#include "alerts/route.h"

#include <algorithm>
#include <set>
#include <utility>

#include "alerts/group.h"

namespace redflag::alerts {

Router::Router(std::vector<Receiver> receivers, std::vector<Route> routes)
    : receivers_(std::move(receivers)), routes_(std::move(routes)) {}

std::vector<std::string> Router::at_age(const Notification& notification, Duration age) const {
  std::set<std::string_view> wanted;
  bool routed = false;
  if (about_alert(notification)) {
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

std::vector<std::string> Router::receivers_of(const Notification& notification) const {
  std::vector<std::string> names = at_age(notification, notification.age);
  if (notification.told_age) {
    const std::vector<std::string> told = at_age(notification, *notification.told_age);
    std::erase_if(names, [&](const std::string& name) {
      return std::find(told.begin(), told.end(), name) != told.end();
    });
  }
  return names;
}

std::optional<Duration> Router::due_between(const Transition& transition, const RunContext& run,
                                            Duration after, Duration now) const {
  std::optional<Duration> due;
  for (const Route& route : routes_) {
    if (route.after <= after || route.after > now || (due && route.after <= *due)) continue;
    if (matches(route.matchers, transition, run)) due = route.after;
  }
  return due;
}

}  // namespace redflag::alerts
