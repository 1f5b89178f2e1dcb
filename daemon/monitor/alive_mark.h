// When redflag was last alive, kept every minute: so that after a start it can say how long nobody watched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/values/time.h"

namespace redflag::daemon {

struct AliveMark {
  Time time;
  std::string boot;      ///< the machine's boot id; empty when unknown
  bool stopped = false;  ///< in order, as asked
};

std::string encode(const AliveMark& mark);
/// nullopt for what is no mark.
std::optional<AliveMark> decode_alive_mark(const std::string& text);

struct AbsenceNotice {
  std::string title;
  std::string text;
};

/// What to say after a start; nullopt when the absence is too short to matter, or the clock was set back.
/// `live`: names of the runs that were live when redflag was last seen.
std::optional<AbsenceNotice> absence_notice(const AliveMark& last, Time now, const std::string& boot,
                                            const std::vector<std::string>& live);

/// Linux's boot id; empty when it cannot be read.
std::string system_boot_id();

}  // namespace redflag::daemon
