// NVML without NVIDIA's header: the few functions and structs that are used, as its public reference gives
// them (they are a stable ABI: a changed one gets a new suffix). Everything here runs on OffLoop's thread.
#include <array>
#include <cstring>
#include <utility>

#include <dlfcn.h>

#include "daemon/base/off_loop.h"
#include "daemon/host/gpu.h"
#include "daemon/host/kernel_text.h"

namespace redflag::daemon {
namespace {

using Device = struct NvmlDevice*;
constexpr int kSuccess = 0;
constexpr int kInsufficientSize = 7;
constexpr int kGpuIsLost = 15;
constexpr unsigned kMostGpus = 64;
constexpr Duration kLookAgain = std::chrono::minutes{10};

struct PciInfo {
  std::array<char, 16> legacy;
  unsigned domain, bus, device, device_id, subsystem_id;
  std::array<char, 32> bus_id;
};
struct MemoryInfo {
  unsigned long long total, free, used;
};
struct Utilisation {
  unsigned gpu, memory;
};
struct ProcessInfo {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};

std::string text_of(const char* chars, std::size_t most) {
  return std::string(chars, ::strnlen(chars, most));
}

/// The library, while it is loaded. Never unloaded: a driver's library does not always survive that.
class Library {
 public:
  explicit Library(const std::string& file) {
    handle_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      problem_ = "no NVIDIA driver here (" + file + " cannot be loaded)";
      return;
    }
    auto* init = symbol<int (*)()>("nvmlInit_v2");
    error_string_ = symbol<const char* (*)(int)>("nvmlErrorString");
    if (init == nullptr) {
      problem_ = file + " is not NVML";
      return;
    }
    if (const int error = init(); error != kSuccess) {
      problem_ = "NVML does not start: " + words(error);
      return;
    }
    std::array<char, 96> version{};
    auto* driver = symbol<int (*)(char*, unsigned)>("nvmlSystemGetDriverVersion");
    if (driver != nullptr && driver(version.data(), version.size()) == kSuccess)
      version_ = text_of(version.data(), version.size());
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  GpuReadings read() {
    GpuReadings out;
    if (!problem_.empty()) {
      out.problem = problem_;
      return out;
    }
    out.how = version_.empty() ? "NVML" : "NVML " + version_;
    unsigned count = 0;
    if (const int error = call("nvmlDeviceGetCount_v2", &count); error != kSuccess) {
      out.problem = "NVML does not count the GPUs: " + words(error);
      return out;
    }
    for (unsigned i = 0; i < count && i < kMostGpus; ++i) out.gpus.push_back(read_one(i));
    return out;
  }

 private:
  template <typename Function>
  Function symbol(const char* name) const {
    return reinterpret_cast<Function>(::dlsym(handle_, name));
  }
  /// kNotFound of NVML where the library is older than the function.
  template <typename... Args>
  int call(const char* name, Args... args) const {
    auto* function = symbol<int (*)(Args...)>(name);
    return function == nullptr ? 13 : function(args...);
  }
  std::string words(int error) const {
    const char* text = error_string_ == nullptr ? nullptr : error_string_(error);
    return text == nullptr ? "error " + std::to_string(error) : text_of(text, 200);
  }

  GpuReading read_one(unsigned index) {
    GpuReading gpu;
    gpu.index = index;
    gpu.uuid = known_[index].empty() ? "index-" + std::to_string(index) : known_[index];
    gpu.name = names_[index];
    Device device = nullptr;
    const int found = call("nvmlDeviceGetHandleByIndex_v2", index, &device);
    if (found != kSuccess) {
      gpu.lost = found == kGpuIsLost;
      return gpu;
    }
    std::array<char, 96> text{};
    if (call("nvmlDeviceGetUUID", device, text.data(), static_cast<unsigned>(text.size())) == kSuccess)
      gpu.uuid = known_[index] = text_of(text.data(), text.size());
    if (call("nvmlDeviceGetName", device, text.data(), static_cast<unsigned>(text.size())) == kSuccess)
      gpu.name = names_[index] = text_of(text.data(), text.size());
    PciInfo pci{};
    if (call("nvmlDeviceGetPciInfo_v3", device, &pci) == kSuccess)
      gpu.pci = normal_pci(text_of(pci.bus_id.data(), pci.bus_id.size()));
    MemoryInfo memory{};
    const int has_memory = call("nvmlDeviceGetMemoryInfo", device, &memory);
    gpu.lost = has_memory == kGpuIsLost;
    if (has_memory == kSuccess) {
      gpu.memory_total_bytes = memory.total;
      gpu.memory_used_bytes = memory.used;
    }
    Utilisation load{};
    if (call("nvmlDeviceGetUtilizationRates", device, &load) == kSuccess) gpu.utilisation_percent = load.gpu;
    unsigned number = 0;
    if (call("nvmlDeviceGetTemperature", device, 0, &number) == kSuccess) gpu.temperature_c = number;
    if (call("nvmlDeviceGetTemperatureThreshold", device, 1, &number) == kSuccess && number > 0)
      gpu.slowdown_c = number;
    if (call("nvmlDeviceGetPowerUsage", device, &number) == kSuccess) gpu.power_watts = number / 1000.0;
    if (call("nvmlDeviceGetEnforcedPowerLimit", device, &number) == kSuccess)
      gpu.power_limit_watts = number / 1000.0;
    unsigned long long big = 0;
    if (call("nvmlDeviceGetTotalEccErrors", device, 1, 0, &big) == kSuccess) gpu.ecc_uncorrected = big;
    if (call("nvmlDeviceGetCurrentClocksThrottleReasons", device, &big) == kSuccess) gpu.throttle = big;
    std::array<ProcessInfo, 64> processes{};
    unsigned count = processes.size();
    const int listed = call("nvmlDeviceGetComputeRunningProcesses_v3", device, &count, processes.data());
    for (unsigned i = 0; listed == kSuccess && i < count && i < processes.size(); ++i) {
      const bool known = processes[i].used != ~0ULL;  // in containers and on some drivers
      gpu.processes.push_back({processes[i].pid, known ? processes[i].used : 0});
    }
    static_assert(kInsufficientSize != kSuccess);  // more than 64 processes: none are told
    return gpu;
  }

  void* handle_ = nullptr;
  const char* (*error_string_)(int) = nullptr;
  std::string problem_;
  std::string version_;
  std::array<std::string, kMostGpus> known_;  // uuids, for a card that is lost
  std::array<std::string, kMostGpus> names_;
};

class Nvml final : public GpuProbe {
 public:
  Nvml(asio::any_io_executor executor, Clock& clock, std::string library, Duration limit)
      : clock_(clock), file_(std::move(library)), limit_(limit), thread_(std::move(executor)) {}

  asio::awaitable<GpuReadings> read() override {
    if (!last_.problem.empty() && last_.how.empty() && clock_.monotonic() < again_at_) co_return last_;
    // The library is shared with the thread: it may outlive this object. Named: GCC 12 destroys a temporary
    // function twice when it is part of a co_await.
    std::function<Answer()> work = [file = file_, library = library_]() mutable {
      if (!library) library = std::make_shared<Library>(file);
      GpuReadings readings = library->read();
      return Answer{std::move(library), std::move(readings)};
    };
    std::optional<Answer> answer = co_await thread_.run(clock_, limit_, std::move(work));
    if (!answer) {
      GpuReadings hanging;
      hanging.how = last_.how.empty() ? "NVML" : last_.how;
      hanging.problem = "the driver does not answer within " + human_duration(limit_);
      last_.gpus.clear();
      co_return hanging;
    }
    last_ = std::move(answer->readings);
    library_ = std::move(answer->library);
    if (last_.how.empty()) {
      library_.reset();
      again_at_ = clock_.monotonic() + kLookAgain;
    }
    co_return last_;
  }

 private:
  struct Answer {
    std::shared_ptr<Library> library;
    GpuReadings readings;
  };
  Clock& clock_;
  std::string file_;
  Duration limit_;
  OffLoop<Answer> thread_;
  std::shared_ptr<Library> library_;
  GpuReadings last_;
  Duration again_at_{};
};

}  // namespace

std::unique_ptr<GpuProbe> make_nvml(asio::any_io_executor executor, Clock& clock, std::string library,
                                    Duration limit) {
  return std::make_unique<Nvml>(std::move(executor), clock, std::move(library), limit);
}

}  // namespace redflag::daemon
