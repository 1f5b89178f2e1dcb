// Which receivers are told of what: the first route whose matchers hold decides (and those after it while
// `proceed` says so); an announcement that no route wants goes to every receiver, so a mistake in the routes
// loses nothing. A receiver's own least severity holds in any case.
#pragma once

#include <string>
#include <vector>

#include "alerts/alert.h"
#include "alerts/matcher.h"

namespace redflag::alerts {

struct Route {
  std::vector<Matcher> matchers;       ///< all have to hold; none: everything
  std::vector<std::string> receivers;  ///< empty: nobody, on purpose
  Duration after{};      ///< only alerts that have fired for so long, unacknowledged: escalation by age
  bool proceed = false;  ///< later routes may add receivers
};

struct Receiver {
  std::string name;
  Severity min_severity = Severity::info;
};

class Router {
 public:
  Router() = default;
  Router(std::vector<Receiver> receivers, std::vector<Route> routes);

  /// Names, in the order of the receivers. `age`: how long the alert has fired. A digest or a notice goes to
  /// all; a notice below a receiver's severity does not.
  std::vector<std::string> receivers_of(const Notification& notification, Duration age = {}) const;
  /// The ages at which further receivers may be told of the alert, ascending.
  std::vector<Duration> later(const Notification& notification) const;

 private:
  std::vector<Receiver> receivers_;
  std::vector<Route> routes_;
};

}  // namespace redflag::alerts
