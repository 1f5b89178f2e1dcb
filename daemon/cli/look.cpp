#include "daemon/cli/look.h"

#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "daemon/cli/terminal.h"

namespace redflag::daemon {
namespace {

class WaitingLine {
 public:
  ~WaitingLine() {
    if (shown_) fmt::print(stderr, "\r\033[2K");
  }

  void at(const std::string& waiting_for) {
    const bool long_enough = std::chrono::steady_clock::now() - began_ > std::chrono::seconds{2};
    if (!terminal_.present || !long_enough || waiting_for == last_) return;
    last_ = waiting_for;
    shown_ = true;
    const std::string line =
        alerts::cut(alerts::escape_terminal("waiting for " + waiting_for), terminal_.width - 1);
    fmt::print(stderr, "\r\033[2K{}", line);
  }

 private:
  Terminal terminal_ = Terminal::of(STDERR_FILENO);
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::string last_;
  bool shown_ = false;
};

}  // namespace

Result<OnceLook> look_with_progress(Config config, OnceOptions options) {
  WaitingLine line;
  options.progress = [&](const std::string& waiting_for) { line.at(waiting_for); };
  return look_once(std::move(config), options, process_environment());
}

}  // namespace redflag::daemon
