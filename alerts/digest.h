// The first look at a project may find hundreds of runs that ended long ago. What would have alerted about
// them is gathered here and told in one message instead of a flood.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "alerts/alert.h"

namespace redflag::alerts {

/// Not thread-safe. Memory: at most `kMaxKept` alerts without their evidence, until their digest is made.
class DigestBook {
 public:
  static constexpr std::size_t kMaxKept = 5000;

  /// Adds an alert of a historic run, or brings the one of that id up to date. Past `kMaxKept` new ones are
  /// only counted.
  void add(const Alert& alert);

  /// Makes the digest of a project and forgets what it told. `run_key_prefix` says which runs are the
  /// project's
  /// ("api.wandb.ai/ent/proj"); `ended_runs` is how many were read. Its severity is info: it pages nobody.
  Notification make(const std::string& project, std::string_view run_key_prefix, std::size_t ended_runs,
                    Time now);

 private:
  std::map<std::string, Alert> alerts_;  // by alert id
  std::size_t not_kept_ = 0;
};

}  // namespace redflag::alerts
