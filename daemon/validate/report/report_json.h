// The checklist as JSON, for `redflag validate --json` (docs/validate.md describes it).
#pragma once

#include <nlohmann/json.hpp>

#include "daemon/validate/checklist.h"

namespace redflag::daemon::validate {

/// One object. Texts are valid UTF-8 (alerts/text/escape.h); NaN and infinities are strings; what is not
/// known is null.
nlohmann::ordered_json json_of(const Checklist& list);

}  // namespace redflag::daemon::validate
