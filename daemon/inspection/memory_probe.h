// How much memory the machine can still give: children that read files do not start when a training may need
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon {

class MemoryProbe {
 public:
  virtual ~MemoryProbe() = default;
  /// Bytes that can be had without swapping; nullopt when the system does not tell (then nobody waits for
  /// it).
  virtual std::optional<std::uint64_t> available_bytes() const = 0;
};

/// MemAvailable of /proc/meminfo. A service with ProcSubset=pid does not see that file.
class SystemMemoryProbe final : public MemoryProbe {
 public:
  explicit SystemMemoryProbe(std::string file = "/proc/meminfo") : file_(std::move(file)) {}
  std::optional<std::uint64_t> available_bytes() const override;

 private:
  std::string file_;
};

/// Bytes in the line "MemAvailable:  123 kB" of proc_meminfo(5).
std::optional<std::uint64_t> mem_available(std::string_view meminfo);

/// "1.5 GB", "300 MB", "12 bytes": powers of ten, as disks and files are sold.
std::string human_bytes(std::uint64_t bytes);

}  // namespace redflag::daemon
