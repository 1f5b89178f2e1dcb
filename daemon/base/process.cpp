#include "daemon/base/process.h"

#include <cstring>

#include <fmt/core.h>

namespace redflag::daemon {

std::string ProcessEnd::text() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

}  // namespace redflag::daemon
