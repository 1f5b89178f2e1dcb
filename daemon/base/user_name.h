// What people call a user id.
#pragma once

#include <string>

#include <sys/types.h>

namespace redflag::daemon {

/// "alice", or "uid 1234" of somebody without a name. May ask a directory service, and wait for it.
std::string user_name(uid_t uid);

}  // namespace redflag::daemon
