// What a receiver of each type needs, and what cannot work: found when the configuration is read, not at the
// first alert.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace redflag::daemon::settings {

struct ReceiverProblem {
  std::string key;   ///< "template"
  std::string what;  ///< continues "alerts.receivers[0].template …"
  std::string help;
};

std::vector<ReceiverProblem> receiver_problems(const ReceiverConfig& receiver);

}  // namespace redflag::daemon::settings
