// Red flags as `redflag flags` shows them: the list by severity, and what changed between two looks. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/cli/operator_text.h"
#include "daemon/overview/overview.h"

namespace redflag::daemon {

/// An alert of GET /v1/alerts. Its state is that of its last change: firing, pending, resolved, closed; of
/// one that is over, `message` is the reason.
AlertLine flag_of(const nlohmann::json& alert);

/// Most severe first, each severity under its own headline, then what is about to fire; at most `most`
/// entries, the rest counted.
std::string flags_text(const std::vector<AlertLine>& flags, Time now, const Look& look, std::size_t most);

/// One thing that happened to a flag.
struct FlagChange {
  std::string word;  ///< "FIRING", "PENDING", "WORSE", "MILDER", "RESOLVED", "CLOSED", "CLEARED", "ACKED",
                     ///< "UNACKED", "MUTED", "UNMUTED", "GONE"
  AlertLine flag;
};

/// Tells what is different from the look before.
class FlagChanges {
 public:
  /// All that there is now, ended ones included. The first call tells of what fires or is about to.
  std::vector<FlagChange> update(const std::vector<AlertLine>& now);

 private:
  std::map<std::string, AlertLine> known_;  // that fire or are about to, by id
  std::set<std::string> ended_;             // of those told now, the ones that had ended
  bool first_ = true;
};

/// "03:02:19  CRITICAL  FIRING    full_ft_sst2_seed42  loss-too-high  train loss 8.45 > 5  9f3c0a4b": one
/// line without line end, whatever the names hold.
std::string change_line(const FlagChange& change, Time now, const Look& look);
/// {"time", "change", "flag"}, for --json.
nlohmann::ordered_json change_json(const FlagChange& change, Time now);

}  // namespace redflag::daemon
