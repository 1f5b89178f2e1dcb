#include "daemon/base/user_name.h"

#include <vector>

#include <fmt/format.h>
#include <pwd.h>

namespace redflag::daemon {

std::string user_name(uid_t uid) {
  std::vector<char> buffer(16384);
  struct passwd entry {};
  struct passwd* found = nullptr;
  (void)::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->pw_name) : fmt::format("uid {}", uid);
}

}  // namespace redflag::daemon
