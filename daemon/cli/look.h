// How commands look for themselves (--once): the one way that all of them do it.
#pragma once

#include "daemon/app/once.h"

namespace redflag::daemon {

/// look_once() in this process's environment. What is still waited for stands meanwhile on a line that is
/// rewritten, only for somebody who watches, and only once it takes long; the line is gone when this returns.
Result<OnceLook> look_with_progress(Config config, OnceOptions options);

}  // namespace redflag::daemon
