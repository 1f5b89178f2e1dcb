// What redflag-forward may do to the machine: little. It runs beside a trainer and on files that nobody
// vouches for.
#pragma once

#include <cstdint>

namespace redflag::forward {

struct Limits {
  std::uint64_t memory_bytes = 0;  ///< of the whole process; 0 = no limit
  std::uint64_t cpu_seconds = 0;   ///< 0 = no limit
};

struct Confinement {
  bool seccomp = false;  ///< no new programs, no sockets, nothing opened for writing
  bool memory = false;
};

/// Call it once, after the shared libraries are loaded and before any file is opened. Everything is best
/// effort; what could be had is returned. Beyond the CPU limit the process prints a JSON object that says so,
/// and ends.
Confinement confine(const Limits& limits);

struct MemoryUse {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_bytes = 0;  ///< VmHWM
};
/// 0 where /proc cannot be read.
MemoryUse memory_use();

}  // namespace redflag::forward
