#include "daemon/base/failpoint.h"

#include <csignal>
#include <cstdlib>
#include <string>

namespace redflag::daemon {
namespace {

struct Armed {
  std::string name;
  long passages = 1;

  Armed() {
    const char* text = std::getenv("REDFLAG_FAILPOINT");
    if (text == nullptr) return;
    name = text;
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      passages = std::strtol(name.c_str() + colon + 1, nullptr, 10);
      name.resize(colon);
    }
  }
};

}  // namespace

void failpoint(std::string_view name) {
  static Armed armed;
  if (armed.name.empty() || armed.name != name) return;
  if (--armed.passages <= 0) std::raise(SIGKILL);
}

}  // namespace redflag::daemon
