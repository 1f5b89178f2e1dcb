// Named places where a test can have the process killed, to prove what survives. Armed only by the
// environment variable REDFLAG_FAILPOINT="name" or "name:N" (the Nth passage); costs one comparison when it
// is not set.
#pragma once

#include <string_view>

namespace redflag::daemon {

/// Known names, in the order of a message's way: "mid-commit" (half of a transaction with messages is
/// written), "before-commit", "after-commit", "before-send", "after-send", "after-verdict" (judged, nothing
/// of it kept yet), "after-answer" (kept); "before-release" and "after-release" of the reserve.
void failpoint(std::string_view name);

}  // namespace redflag::daemon
