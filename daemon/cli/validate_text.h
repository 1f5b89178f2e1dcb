// The checklist as people read it at a terminal, at any width: what it comes to first, then every line, those
// that fail with their evidence and what to do.
#pragma once

#include <string>

#include "daemon/cli/operator_text.h"
#include "daemon/validate/checklist.h"

namespace redflag::daemon {

std::string checklist_text(const validate::Checklist& list, const Look& look);

}  // namespace redflag::daemon
