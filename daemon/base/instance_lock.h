// One redflagd per state directory: two would send every alert twice and fight over the cursors.
#pragma once

#include <string>

#include "rules/values/error.h"

namespace redflag::daemon {

/// Holds `directory`/redflagd.lock by flock(2) until destroyed; the kernel releases it when the process dies.
class InstanceLock {
 public:
  /// ErrorCode::conflict names the pid that holds it; ErrorCode::storage when the directory cannot be
  /// written.
  static Result<InstanceLock> acquire(const std::string& directory);

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  ~InstanceLock();

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace redflag::daemon
