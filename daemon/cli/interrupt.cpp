// The three signals are blocked except while ppoll waits: one that comes between the question and the wait
// cannot get lost.
#include "daemon/cli/interrupt.h"

#include <array>
#include <csignal>

#include <poll.h>

namespace redflag::daemon {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t seen = 0;
std::array<struct sigaction, kSignals.size()> before;
sigset_t mask_before;

void note(int) {
  seen = 1;
}

}  // namespace

Interrupt::Interrupt() {
  seen = 0;
  sigset_t ours;
  sigemptyset(&ours);
  struct sigaction action {};
  action.sa_handler = note;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaddset(&ours, kSignals[i]);
    ::sigaction(kSignals[i], &action, &before[i]);
  }
  ::sigprocmask(SIG_BLOCK, &ours, &mask_before);
}

Interrupt::~Interrupt() {
  ::sigprocmask(SIG_SETMASK, &mask_before, nullptr);
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
}

bool Interrupt::asked() const {
  if (seen != 0) return true;
  sigset_t waiting;
  if (::sigpending(&waiting) != 0) return false;
  for (const int each : kSignals) {
    if (sigismember(&waiting, each) == 1) return true;
  }
  return false;
}

bool Interrupt::wait(Duration duration, int fd) {
  if (asked()) return false;
  const auto micros = duration.count();
  const timespec limit{micros / 1'000'000, (micros % 1'000'000) * 1000};
  pollfd wanted{fd, POLLIN, 0};
  (void)::ppoll(&wanted, fd < 0 ? 0 : 1, &limit, &mask_before);
  return !asked();
}

}  // namespace redflag::daemon
