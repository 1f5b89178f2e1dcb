// One redflagd per state directory: two would send every alert twice and fight over the cursors.
#pragma once

#include <functional>
#include <string>

#include "rules/values/error.h"

namespace redflag::daemon {

/// Holds `directory`/redflagd.lock by flock(2) until destroyed; the kernel releases it when the process dies.
class InstanceLock {
 public:
  /// While another holds it `wait` is called, and it is tried again for as long as that says true: who was
  /// killed a moment ago may still be dying. Errors: conflict names the pid that holds it; storage when the
  /// directory cannot be written.
  static Result<InstanceLock> acquire(const std::string& directory, const std::function<bool()>& wait = {});

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  ~InstanceLock();

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace redflag::daemon
