// The machine's memory: what is left, swap, how much work waits for it. In a container, its limit counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon {

struct MemoryReading {
  std::uint64_t total_bytes = 0;  ///< of the container when there is one and it is less
  std::uint64_t available_bytes = 0;
  std::uint64_t swap_total_bytes = 0;
  std::uint64_t swap_free_bytes = 0;
  bool contained = false;  ///< a container's limit, not the machine, is what is told of
  /// Share of the last minute in which all work stood still for want of memory, in percent (PSI, "full
  /// avg60"); nullopt where the kernel does not tell.
  std::optional<double> stalled_percent;

  double available_percent() const;
};

/// proc_meminfo(5); nullopt without MemTotal and MemAvailable (kernels before 3.14, other files).
std::optional<MemoryReading> parse_meminfo(std::string_view text);

/// "full … avg60=1.23 …" of /proc/pressure/memory.
std::optional<double> parse_pressure(std::string_view text);

/// Takes in a cgroup's limit: memory.max, memory.current and memory.stat as they stand in its files. File
/// pages that nobody uses count as available. A limit of "max", or one above the machine's memory, changes
/// nothing.
void limit_memory(MemoryReading& reading, std::string_view max, std::string_view current,
                  std::string_view stat);

/// `proc` and `cgroup` are "/proc" and "/sys/fs/cgroup" but in tests. The root of the cgroup tree has a limit
/// only inside a container: outside, the real root has no such file; a limit of redflagd's own service is not
/// the machine's. nullopt when /proc/meminfo cannot be read (a service with ProcSubset=pid).
std::optional<MemoryReading> read_memory(const std::string& proc, const std::string& cgroup);

}  // namespace redflag::daemon
