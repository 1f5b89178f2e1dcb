// Named places where a test can have the process killed, to prove what survives. Armed only by the
// environment variable REDFLAG_FAILPOINT="name" or "name:N" (the Nth passage); costs one comparison when it
// is not set.
#pragma once

#include <string_view>

namespace redflag::daemon {

/// Known names: "before-commit", "after-commit", "before-send", "after-send", "after-answer".
void failpoint(std::string_view name);

}  // namespace redflag::daemon
