// Ctrl-C for commands that go on until somebody has seen enough: it ends the wait, not the program, so that
// what was begun is finished and the exit code is 0.
#pragma once

#include "rules/values/time.h"

namespace redflag::daemon {

/// Catches SIGINT, SIGTERM and SIGHUP until the end of its scope; one at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool asked() const;
  /// Waits for so long, or until `fd` (-1: none) can be read. false: somebody has seen enough. At once when
  /// that was before; a signal between two calls is not missed.
  bool wait(Duration duration, int fd = -1);
};

}  // namespace redflag::daemon
