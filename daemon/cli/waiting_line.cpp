#include "daemon/cli/waiting_line.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"

namespace redflag::daemon {

WaitingLine::WaitingLine()
    : terminal_(Terminal::of(STDERR_FILENO)), began_(std::chrono::steady_clock::now()) {}

WaitingLine::~WaitingLine() {
  if (shown_) fmt::print(stderr, "\r\033[2K");
}

void WaitingLine::at(const std::string& waiting_for) {
  const bool long_enough = std::chrono::steady_clock::now() - began_ > std::chrono::seconds{2};
  if (!terminal_.present || !long_enough || waiting_for == last_) return;
  last_ = waiting_for;
  shown_ = true;
  const std::string line =
      alerts::cut(alerts::escape_terminal("waiting for " + waiting_for), terminal_.width - 1);
  fmt::print(stderr, "\r\033[2K{}", line);
}

}  // namespace redflag::daemon
