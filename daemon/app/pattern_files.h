// The user's own log patterns (local.patterns), before those that ship.
#pragma once

#include <memory>

#include "daemon/config/config.h"
#include "daemon/local/log_patterns.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// What logs are searched for. nullptr: only what ships. A mistake names file, line and what is wrong.
Result<std::shared_ptr<const local::LogPatterns>> load_log_patterns(const Config& config);

}  // namespace redflag::daemon
