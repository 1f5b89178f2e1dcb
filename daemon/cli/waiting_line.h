// Progress of a command that looks for itself.
#pragma once

#include <chrono>
#include <string>

#include "daemon/cli/terminal.h"

namespace redflag::daemon {

/// What is still waited for, on a line that is rewritten; only for somebody who watches, and only once it
/// takes long.
class WaitingLine {
 public:
  WaitingLine();
  ~WaitingLine();
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;

  void at(const std::string& waiting_for);

 private:
  Terminal terminal_;
  std::chrono::steady_clock::time_point began_;
  std::string last_;
  bool shown_ = false;
};

}  // namespace redflag::daemon
