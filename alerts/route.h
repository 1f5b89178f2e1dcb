// Which receivers are told of what: the first route whose matchers hold decides (and those after it while
// `proceed` says so); an announcement that no route wants goes to every receiver, so a mistake in the routes
// loses nothing. A receiver's own least severity holds in any case.
#pragma once

#include <optional>
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

  /// Names, in the order of the receivers: those who are told at its age, without those who were told at
  /// `told_age` already. A digest or a notice goes to all; a notice below a receiver's severity does not.
  std::vector<std::string> receivers_of(const Notification& notification) const;
  /// The greatest age of a route that has come between `after` and `now`, exclusive and inclusive; nullopt:
  /// none.
  std::optional<Duration> due_between(const Transition& transition, const RunContext& run, Duration after,
                                      Duration now) const;

 private:
  std::vector<std::string> at_age(const Notification& notification, Duration age) const;

  std::vector<Receiver> receivers_;
  std::vector<Route> routes_;
};

}  // namespace redflag::alerts
