// NVML really loaded (a stand-in of two cards, fake_nvml.cpp), nvidia-smi's words read.
#include "daemon/host/gpu.h"

#include <cstdlib>

#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "tests/host/support.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

struct Play {
  TempDir dir;
  Play() { ::setenv("FAKE_NVML", (dir / "play").c_str(), 1); }
  void set(const std::string& what) { std::ofstream(dir / "play") << what; }
};

const char* const kTwoCards =
    "0, GPU-b850f46d-d5ea-c752-ddf3-c7b0b6c0a2d5, NVIDIA A10G, 00000000:00:1E.0, 21000, 23028, 97, 71, "
    "250.51, "
    "300.00, 0, 0x0000000000000004\n"
    "1, GPU-c850f46d, NVIDIA GeForce RTX 3090, 00000000:00:1F.0, 5, 24576, [N/A], 30, [Not Supported], "
    "350.00, "
    "[N/A], 0x0000000000000001\n";

}  // namespace

TEST_CASE("NVML's cards are read through a library that is loaded at run time", "[host][gpu]") {
  Play play;
  play.set("healthy");
  asio::io_context loop(1);
  SystemClock clock;
  const auto probe = make_nvml(loop.get_executor(), clock, FAKE_NVML_LIBRARY);
  const GpuReadings readings = run_to_end(loop, probe->read());
  CHECK(readings.how == "NVML 535.161.08");
  CHECK(readings.problem.empty());
  REQUIRE(readings.gpus.size() == 2);
  const GpuReading& first = readings.gpus[0];
  CHECK(first.uuid == "GPU-00000000-aaaa");
  CHECK(first.name == "NVIDIA A10G");
  CHECK(first.pci == "0000:65:00.0");
  CHECK(first.memory_total_bytes == 24'000'000'000);
  CHECK(first.memory_used_bytes == 22'000'000'000);
  CHECK(first.utilisation_percent == 97.0);
  CHECK(first.temperature_c == 71.0);
  CHECK(first.slowdown_c == 95.0);
  CHECK(first.power_watts == 250.5);
  CHECK(first.power_limit_watts == 300.0);
  CHECK(first.ecc_uncorrected == 2);
  CHECK(throttle_words(*first.throttle) == "hardware thermal slowdown");
  REQUIRE(first.processes.size() == 2);
  CHECK(first.processes[0].pid == 4711);
  CHECK(first.processes[0].used_bytes == 21'000'000'000);
  CHECK(first.processes[1].used_bytes == 0);
  CHECK_FALSE(readings.gpus[1].ecc_uncorrected);
  CHECK(readings.gpus[1].processes.empty());
}

TEST_CASE("a card that the driver lost keeps its name", "[host][gpu]") {
  Play play;
  play.set("healthy");
  asio::io_context loop(1);
  SystemClock clock;
  const auto probe = make_nvml(loop.get_executor(), clock, FAKE_NVML_LIBRARY);
  run_to_end(loop, probe->read());
  play.set("lost");
  const GpuReadings readings = run_to_end(loop, probe->read());
  REQUIRE(readings.gpus.size() == 2);
  CHECK_FALSE(readings.gpus[0].lost);
  CHECK(readings.gpus[1].lost);
  CHECK(readings.gpus[1].uuid == "GPU-00000001-aaaa");
}

TEST_CASE("a driver that hangs holds up nobody, and is asked again when it is back", "[host][gpu]") {
  Play play;
  play.set("healthy");
  asio::io_context loop(1);
  SystemClock clock;
  const auto probe = make_nvml(loop.get_executor(), clock, FAKE_NVML_LIBRARY, 1s);
  REQUIRE(run_to_end(loop, probe->read()).gpus.size() == 2);
  play.set("hangs");
  const GpuReadings hanging = run_to_end(loop, probe->read());
  CHECK(hanging.gpus.empty());
  CHECK(hanging.how == "NVML 535.161.08");
  CHECK(hanging.problem == "the driver does not answer within 1 s");
  play.set("healthy");
  for (GpuReadings again;;) {
    again = run_to_end(loop, probe->read());
    if (!again.gpus.empty()) break;
    run_to_end(loop, [&]() -> asio::awaitable<bool> {
      co_await clock.sleep(1ms);
      co_return true;
    }());
  }
}

TEST_CASE("without NVML, or without its driver, nothing is watched and it says why", "[host][gpu]") {
  Play play;
  asio::io_context loop(1);
  SystemClock clock;
  const GpuReadings none = run_to_end(loop, make_nvml(loop.get_executor(), clock, "libno-such.so.1")->read());
  CHECK(none.how.empty());
  CHECK_THAT(none.problem, ContainsSubstring("no NVIDIA driver here"));
  // Another library under that name.
  const GpuReadings other = run_to_end(loop, make_nvml(loop.get_executor(), clock, "libz.so.1")->read());
  CHECK_THAT(other.problem, ContainsSubstring("is not NVML"));
  play.set("no-driver");
  const auto probe = make_nvml(loop.get_executor(), clock, FAKE_NVML_LIBRARY);
  CHECK(run_to_end(loop, probe->read()).problem == "NVML does not start: Driver Not Loaded");
  play.set("healthy");
  CHECK(run_to_end(loop, probe->read()).gpus.empty());  // for ten minutes
}

TEST_CASE("nvidia-smi's lines are read, and what it does not know is not known", "[host][gpu]") {
  const auto cards = parse_nvidia_smi(kTwoCards);
  REQUIRE(cards.size() == 2);
  CHECK(cards[0].uuid == "GPU-b850f46d-d5ea-c752-ddf3-c7b0b6c0a2d5");
  CHECK(cards[0].pci == "0000:00:1e.0");
  CHECK(cards[0].memory_used_bytes == std::uint64_t{21000} << 20);
  CHECK(cards[0].power_watts == 250.51);
  CHECK(cards[0].ecc_uncorrected == 0);
  CHECK(throttle_words(*cards[0].throttle).empty());  // a power cap is normal
  CHECK_FALSE(cards[1].utilisation_percent);
  CHECK_FALSE(cards[1].power_watts);
  CHECK_FALSE(cards[1].ecc_uncorrected);
  const auto lost = parse_nvidia_smi(
      "0, GPU-b850f46d, NVIDIA A10G, 00000000:00:1E.0, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is "
      "lost], "
      "[GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]\n");
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].lost);
}

TEST_CASE("what is no line of a card is none", "[host][gpu]") {
  CHECK(parse_nvidia_smi("").empty());
  CHECK(parse_nvidia_smi("No devices were found\n").empty());
  CHECK(parse_nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")
            .empty());
  CHECK(parse_nvidia_smi("0, x, y\n").empty());
  CHECK(parse_nvidia_smi(",,,,,,,,,,,\n,,,,,,,,,,,,,,,,,,,,,").empty());
  CHECK(parse_nvidia_smi("nan, GPU-1, a, b, 1, 2, 3, 4, 5, 6, 7, 0x1\n").empty());
  const auto odd = parse_nvidia_smi("0, GPU-1, a, b, -1, nan, 300, 1e99, inf, 0x5, 1e300, 0xzz\n");
  REQUIRE(odd.size() == 1);
  CHECK_FALSE(odd[0].memory_used_bytes);
  CHECK_FALSE(odd[0].memory_total_bytes);
  CHECK_FALSE(odd[0].utilisation_percent);
  CHECK_FALSE(odd[0].temperature_c);
  CHECK_FALSE(odd[0].power_watts);
  CHECK_FALSE(odd[0].ecc_uncorrected);
  CHECK_FALSE(odd[0].throttle);
}

TEST_CASE("nvidia-smi runs as a child, and a failure is its own words", "[host][gpu]") {
  const TempDir dir;
  asio::io_context loop(1);
  SystemClock clock;
  SystemLauncher launcher(loop.get_executor());
  const auto program = [&](const std::string& script) {
    const std::string path = dir / "nvidia-smi";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  };
  const auto read = [&](const std::string& path, Duration limit = 20s) {
    return run_to_end(loop, make_nvidia_smi(launcher, clock, path, limit)->read());
  };
  const GpuReadings fine = read(program("cat <<'EOF'\n" + std::string(kTwoCards) + "EOF\n"));
  CHECK(fine.how == "nvidia-smi");
  CHECK(fine.gpus.size() == 2);
  const GpuReadings failed = read(program("echo 'NVIDIA-SMI has failed because x'; exit 9\n"));
  CHECK(failed.how.empty());
  CHECK(failed.problem == "nvidia-smi: NVIDIA-SMI has failed because x");
  const GpuReadings hanging = read(program("exec sleep 1000\n"), 50ms);
  CHECK(hanging.problem == "it does not answer within 50 ms");
  CHECK_THAT(read(dir / "none").problem, ContainsSubstring("no NVIDIA driver here"));
}
