// nvidia-smi's CSV. It says "[N/A]", "[Not Supported]", "[GPU is lost]" or "ERR!" where there is no number,
// and prints its own failures to the same place.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "daemon/base/timed.h"
#include "daemon/host/gpu.h"
#include "daemon/host/kernel_text.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMostOutput = 256 << 10;
constexpr std::size_t kMostGpus = 64;
constexpr std::size_t kColumns = 12;
constexpr Duration kLookAgain = std::chrono::minutes{10};

std::string_view trimmed(std::string_view text) {
  const std::size_t from = std::min(text.find_first_not_of(" \t\r"), text.size());
  const std::size_t to = text.find_last_not_of(" \t\r");
  return to == std::string_view::npos ? std::string_view{} : text.substr(from, to - from + 1);
}

std::optional<double> number(std::string_view text, double most) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= 0.0 && value <= most)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> mebibytes(std::string_view text) {
  const auto value = number(text, 1e9);
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value) << 20;
}

std::optional<GpuReading> card(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos || fields.size() > kColumns) break;
    line.remove_prefix(comma + 1);
  }
  if (fields.size() != kColumns) return std::nullopt;
  const auto index = number(fields[0], 1000);
  if (!index || !fields[1].starts_with("GPU-") || fields[1].size() > 64) return std::nullopt;
  GpuReading gpu;
  gpu.index = static_cast<unsigned>(*index);
  gpu.uuid = std::string(fields[1]);
  gpu.name = std::string(fields[2].substr(0, 96));
  if (fields[3].find(':') != std::string_view::npos) gpu.pci = normal_pci(fields[3].substr(0, 32));
  gpu.lost = std::any_of(fields.begin(), fields.end(),
                         [](std::string_view field) { return field.find("GPU is lost") != field.npos; });
  gpu.memory_used_bytes = mebibytes(fields[4]);
  gpu.memory_total_bytes = mebibytes(fields[5]);
  gpu.utilisation_percent = number(fields[6], 100);
  gpu.temperature_c = number(fields[7], 500);
  gpu.power_watts = number(fields[8], 1e5);
  gpu.power_limit_watts = number(fields[9], 1e5);
  if (const auto errors = number(fields[10], 1e15)) gpu.ecc_uncorrected = static_cast<std::uint64_t>(*errors);
  if (fields[11].starts_with("0x")) {
    std::uint64_t bits = 0;
    const char* end = fields[11].data() + fields[11].size();
    if (std::from_chars(fields[11].data() + 2, end, bits, 16).ptr == end) gpu.throttle = bits;
  }
  return gpu;
}

class NvidiaSmi final : public GpuProbe {
 public:
  NvidiaSmi(ProcessLauncher& launcher, Clock& clock, std::string program, Duration limit)
      : launcher_(launcher), clock_(clock), program_(std::move(program)), limit_(limit) {}

  asio::awaitable<GpuReadings> read() override {
    if (!problem_.empty() && clock_.monotonic() < again_at_) co_return not_watched(problem_);
    GpuReadings out = co_await ask();
    if (out.how.empty()) {
      problem_ = out.problem;
      again_at_ = clock_.monotonic() + kLookAgain;
    }
    co_return out;
  }

 private:
  asio::awaitable<GpuReadings> ask() {
    SpawnOptions options;
    options.program = program_;
    options.arguments = nvidia_smi_arguments();
    options.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    options.gives_way = true;
    Result<std::unique_ptr<Process>> child = launcher_.launch(std::move(options));
    if (!child) co_return not_watched("no NVIDIA driver here (" + child.error().what + ")");
    (*child)->close_input();
    std::string text;
    const std::optional<ProcessEnd> end = co_await timed<ProcessEnd>(clock_, limit_, listen(**child, text));
    GpuReadings out;
    out.how = "nvidia-smi";
    if (!end) {
      out.problem = "it does not answer within " + human_duration(limit_);
      co_return out;
    }
    out.gpus = parse_nvidia_smi(text);
    if (end->clean() && !out.gpus.empty()) co_return out;
    if (!out.gpus.empty()) {
      out.problem = "nvidia-smi ended with " + end->text();
      co_return out;
    }
    const std::string_view words = trimmed(std::string_view(text).substr(0, text.find('\n')));
    co_return not_watched(words.empty() ? "nvidia-smi ended with " + end->text()
                                        : "nvidia-smi: " + std::string(words.substr(0, 200)));
  }

  static GpuReadings not_watched(std::string why) {
    GpuReadings none;
    none.problem = std::move(why);
    return none;
  }

  static asio::awaitable<ProcessEnd> listen(Process& child, std::string& text) {
    for (;;) {
      const bool more = co_await child.read(text);
      if (!more) break;
      if (text.size() > kMostOutput) child.kill();
      text.resize(std::min(text.size(), kMostOutput));
    }
    co_return co_await child.ended();
  }

  ProcessLauncher& launcher_;
  Clock& clock_;
  std::string program_;
  Duration limit_;
  std::string problem_;
  Duration again_at_{};
};

}  // namespace

std::vector<std::string> nvidia_smi_arguments() {
  return {
      "--query-gpu=index,uuid,name,pci.bus_id,memory.used,memory.total,utilization.gpu,temperature.gpu,"
      "power.draw,power.limit,ecc.errors.uncorrected.volatile.total,clocks_throttle_reasons.active",
      "--format=csv,noheader,nounits"};
}

std::vector<GpuReading> parse_nvidia_smi(std::string_view csv) {
  std::vector<GpuReading> gpus;
  while (!csv.empty() && gpus.size() < kMostGpus) {
    const std::size_t end = std::min(csv.find('\n'), csv.size());
    if (auto gpu = card(csv.substr(0, end))) gpus.push_back(std::move(*gpu));
    csv.remove_prefix(std::min(end + 1, csv.size()));
  }
  return gpus;
}

std::string throttle_words(std::uint64_t reasons) {
  std::string words;
  const auto add = [&](std::uint64_t bit, std::string_view what) {
    if ((reasons & bit) != 0) words += (words.empty() ? "" : ", ") + std::string(what);
  };
  add(gpu_throttle::kHardwareThermal, "hardware thermal slowdown");
  add(gpu_throttle::kSoftwareThermal, "software thermal slowdown");
  add(gpu_throttle::kPowerBrake, "power brake");
  // The general bit is set with either of the others; alone it is a reason of its own.
  if ((reasons & (gpu_throttle::kHardwareThermal | gpu_throttle::kPowerBrake)) == 0)
    add(gpu_throttle::kHardwareSlowdown, "hardware slowdown");
  return words;
}

std::unique_ptr<GpuProbe> make_nvidia_smi(ProcessLauncher& launcher, Clock& clock, std::string program,
                                          Duration limit) {
  return std::make_unique<NvidiaSmi>(launcher, clock, std::move(program), limit);
}

std::unique_ptr<GpuProbe> make_gpu_probe(asio::any_io_executor executor, Clock& clock,
                                         ProcessLauncher& launcher) {
#ifdef REDFLAG_STATIC
  (void)executor;  // a fully static program must not load libraries of another glibc
  return make_nvidia_smi(launcher, clock);
#else
  (void)launcher;
  return make_nvml(std::move(executor), clock);
#endif
}

}  // namespace redflag::daemon
