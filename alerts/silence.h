// A silence: nobody is told of the alerts that it matches while it lasts. They are recorded all the same, and
// one that still fires when the silence ends is told then.
#pragma once

#include <string>
#include <vector>

#include "alerts/matcher.h"

namespace redflag::alerts {

struct Silence {
  std::string id;                 ///< 8 hex digits
  std::vector<Matcher> matchers;  ///< at least one
  Time starts;
  Time ends;  ///< after `starts`; ended early: when it was
  std::string comment;
  std::string author;
  Time created;

  bool active(Time now) const { return starts <= now && now < ends; }
};

}  // namespace redflag::alerts
