#include "daemon/inspection/cpu_budget.h"

#include <algorithm>
#include <cmath>

namespace redflag::daemon {
namespace {

constexpr double kMinute = 60.0;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

// A full purse spent at the start of a minute, and what flows in during it, make up exactly share * 60
// seconds.
CpuBudget::CpuBudget(double share)
    : saved_(std::min(1.0, std::max(share, 0.001) * kMinute / 2)),
      most_(saved_),
      refill_(std::max(share, 0.001) - most_ / kMinute) {}

void CpuBudget::add_since_last(Duration now) {
  if (begun_ && now > last_) saved_ += seconds(now - last_) * refill_;
  last_ = now;
  begun_ = true;
}

Duration CpuBudget::wait(Duration now) {
  add_since_last(now);
  saved_ = std::min(saved_, most_);
  if (saved_ > 0) return {};
  // A hundredth of a second at least, so that many small files do not wake the loop for each.
  return std::chrono::ceil<Duration>(std::chrono::duration<double>(std::max(-saved_ / refill_, 0.01)));
}

void CpuBudget::charge(Duration now, Duration cpu) {
  add_since_last(now);
  // Bounded only after it: what was used flowed off while the rest flowed in.
  saved_ = std::min(saved_ - std::max(seconds(cpu), 0.0), most_);
}

}  // namespace redflag::daemon
