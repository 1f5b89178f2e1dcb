// Which of the shipped rules speak to which line of the checklist.
#pragma once

#include <string_view>

#include "daemon/overview/overview.h"

namespace redflag::daemon::validate {

enum class RuleGroup : std::uint8_t {
  loss,         ///< F1 to F3, F6: V2, V20
  schedule,     ///< learning rate: V4, V20
  gradient,     ///< F4: V5, V20
  performance,  ///< F5: V21
  files,        ///< F7, F8: V22
  memory,       ///< F9: V23
  system,       ///< F10 to F12: V24
  note,         ///< told, but no failure of any line (slow steps, a sweep that varies nothing)
  unknown,      ///< a rule of the user's own
};

RuleGroup group_of(std::string_view rule);

}  // namespace redflag::daemon::validate
