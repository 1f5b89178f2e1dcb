// What NVIDIA's GPUs say of themselves: memory, load, heat, errors, and who uses them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/process.h"

namespace redflag::daemon {

/// Reasons for lower clocks, as NVML's bits have them. A power cap (0x4) or an idle card (0x1) is no trouble.
namespace gpu_throttle {
constexpr std::uint64_t kHardwareSlowdown = 0x8;
constexpr std::uint64_t kSoftwareThermal = 0x20;
constexpr std::uint64_t kHardwareThermal = 0x40;
constexpr std::uint64_t kPowerBrake = 0x80;
constexpr std::uint64_t kTrouble = kHardwareSlowdown | kSoftwareThermal | kHardwareThermal | kPowerBrake;
}  // namespace gpu_throttle

struct GpuProcess {
  std::int64_t pid = 0;
  std::uint64_t used_bytes = 0;  ///< 0: not known
};

/// One card. What it does not tell (ECC on consumer cards, for one) is nullopt.
struct GpuReading {
  unsigned index = 0;
  std::string uuid;  ///< "GPU-b850…"; never empty: "index-0" when it does not tell
  std::string name;
  std::string pci;    ///< as normal_pci() has it; may be empty
  bool lost = false;  ///< the driver no longer reaches it
  std::optional<std::uint64_t> memory_used_bytes, memory_total_bytes;
  std::optional<double> utilisation_percent;
  std::optional<double> temperature_c;
  std::optional<double> slowdown_c;  ///< where it slows itself down
  std::optional<double> power_watts, power_limit_watts;
  std::optional<std::uint64_t> ecc_uncorrected;  ///< since the driver was loaded
  std::optional<std::uint64_t> throttle;
  std::vector<GpuProcess> processes;
};

struct GpuReadings {
  std::string how;      ///< "NVML 535.161.08", "nvidia-smi"; empty: not watched
  std::string problem;  ///< why not; empty: all is well. Both set: it was, and does not answer now
  std::vector<GpuReading> gpus;
};

/// "hardware thermal slowdown, power brake": what of the reasons is trouble; empty: nothing is.
std::string throttle_words(std::uint64_t reasons);

class GpuProbe {
 public:
  virtual ~GpuProbe() = default;
  virtual asio::awaitable<GpuReadings> read() = 0;
};

/// The library at run time, on a thread of its own. What is not there is looked for again every ten minutes
/// (a driver that is installed later); a library that hangs is left alone until it comes back.
std::unique_ptr<GpuProbe> make_nvml(asio::any_io_executor executor, Clock& clock,
                                    std::string library = "libnvidia-ml.so.1",
                                    Duration limit = std::chrono::seconds{10});

/// nvidia-smi as a child, for a redflagd that cannot load libraries (fully static).
std::unique_ptr<GpuProbe> make_nvidia_smi(ProcessLauncher& launcher, Clock& clock,
                                          std::string program = "/usr/bin/nvidia-smi",
                                          Duration limit = std::chrono::seconds{10});

/// Which of the two this program can use.
std::unique_ptr<GpuProbe> make_gpu_probe(asio::any_io_executor executor, Clock& clock,
                                         ProcessLauncher& launcher);

/// What nvidia_smi_arguments() make it print. Lines that are no cards are passed over.
std::vector<GpuReading> parse_nvidia_smi(std::string_view csv);
std::vector<std::string> nvidia_smi_arguments();

}  // namespace redflag::daemon
