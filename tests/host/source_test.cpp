// The whole source on simulated time: a /proc that changes, disks, cards and a kernel that say what they are
// told to.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/base/log.h"
#include "daemon/base/task_group.h"
#include "daemon/host/host_source.h"
#include "tests/host/support.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

const char* const kFell =
    "NVRM: Xid (PCI:0000:65:00): 79, pid=100, name=python3, GPU has fallen off the bus.";
const LiveRun kRun{{"h/e/p/abc123", "abc123", "full_ft_sst2_seed42", ""}, 3h};

struct Bench {
  SimulatedClock clock{kStart};
  FakeProc proc;
  KernelWorld kernel;
  KeepingIntake intake;
  HostSettings settings;
  std::vector<LiveRun> runs;
  std::string boot = "boot1";
  std::string kernel_refusal;
  std::map<std::string, DiskReading> readings{{"/data/results", disk("/data", 50)}};
  GpuReadings cards;
  FakeDisks* disks = nullptr;
  FakeGpus* gpus = nullptr;
  std::unique_ptr<asio::io_context> loop;
  std::unique_ptr<HostSource> source;
  std::unique_ptr<TaskGroup> tasks;

  Bench() {
    static const bool quiet = open_log({.level = LogLevel::critical}).has_value();
    (void)quiet;
    settings.disk_paths = {"/data/results"};
    settings.runs = [this] { return runs; };
  }
  ~Bench() { stop(); }
  void start() {
    loop = std::make_unique<asio::io_context>(1);
    HostProbes probes;
    probes.host = "gpu1";
    probes.boot = boot;
    probes.proc = proc.root();
    probes.cgroup = proc.root() + "/cgroup";
    auto disk_probe = std::make_unique<FakeDisks>();
    disks = disk_probe.get();
    disks->readings = readings;
    probes.disks = std::move(disk_probe);
    auto gpu_probe = std::make_unique<FakeGpus>();
    gpus = gpu_probe.get();
    gpus->readings = cards;
    probes.gpus = std::move(gpu_probe);
    auto log = std::make_unique<FakeKernelLog>(kernel, clock);
    log->refusal = kernel_refusal;
    probes.kernel_logs.push_back(std::move(log));
    source = std::make_unique<HostSource>(clock, intake, std::move(probes), settings);
    tasks = std::make_unique<TaskGroup>(loop->get_executor(), clock);
    tasks->start("kernel log", [this] { return source->follow_kernel_log(); });
    tasks->start("host", [this] { return source->measure(); });
  }
  /// As a kill -9: nothing is said, nothing more is kept.
  void stop() {
    loop = nullptr;
    tasks = nullptr;
    source = nullptr;
  }
  void run_for(Duration duration) { clock.run_for(*loop, duration); }
  std::string run_fact(const std::string& name) { return intake.text(kRun.run.key, name, SubjectKind::run); }
};

}  // namespace

TEST_CASE("disk, memory and cards are told as facts of the host", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  GpuReading card;
  card.uuid = "GPU-1";
  card.name = "NVIDIA A10G";
  card.memory_used_bytes = 12;
  card.memory_total_bytes = 24;
  card.temperature_c = 70;
  card.ecc_uncorrected = 0;
  card.throttle = 0x4;
  card.processes = {{100, 5}};
  bench.cards = {"NVML 535", "", {card}};
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.start();
  bench.run_for(1s);
  CHECK(bench.intake.number("gpu1:/data", "disk_used_percent") == 50.0);
  CHECK(bench.intake.number("gpu1:/data", "inodes_used_percent") == Approx(10.0));
  CHECK(bench.intake.text("gpu1:/data", "name") == "/data");
  CHECK(bench.intake.text("gpu1:/data", "quota") == "not known");
  CHECK(bench.intake.number("gpu1:/data", "disk_horizon") == 3 * 3600.0);
  CHECK(bench.intake.number("gpu1", "memory_available_percent") == Approx(50.0));
  CHECK(bench.intake.number("gpu1", "swap_free_percent") == 100.0);
  CHECK(bench.intake.text("gpu1:GPU-1", "name") == "GPU 0 NVIDIA A10G");
  CHECK(bench.intake.text("gpu1:GPU-1", "gpu_throttle").empty());
  CHECK(bench.intake.text("gpu1:GPU-1", "gpu_processes") == "pid 100 (full_ft_sst2_seed42)");
  CHECK(bench.intake.text("host", "kernel_log", SubjectKind::source) == "fake");
  CHECK(bench.source->describe() ==
        "1 file system, memory (the machine's), 1 GPU (NVML 535), kernel log (fake), 1 trainer");
}

TEST_CASE("how long runs may go on is the longest of them, and eight hours where one does not say",
          "[host][source]") {
  Bench bench;
  LiveRun other = kRun;
  other.run.key = "h/e/p/other";
  other.remaining = 20h;
  bench.runs = {kRun, other};
  bench.start();
  bench.run_for(1s);
  CHECK(bench.intake.number("gpu1:/data", "disk_horizon") == 20 * 3600.0);
  bench.runs[1].remaining = std::nullopt;
  bench.run_for(2min);
  CHECK(bench.intake.number("gpu1:/data", "disk_horizon") == 8 * 3600.0);
  bench.runs[0].remaining = 24h * 400;
  bench.run_for(2min);
  CHECK(bench.intake.number("gpu1:/data", "disk_horizon") == 14 * 86400.0);
}

TEST_CASE("the next checkpoint has to fit, while somebody trains", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  bench.settings.largest_checkpoint = [](const std::string& path) {
    return path == "/data/results" ? std::uint64_t{60'000'000'000} : 0;
  };
  bench.start();
  bench.run_for(1s);
  CHECK_FALSE(bench.intake.flag("gpu1:/data", "disk_fits_checkpoint"));
  CHECK(bench.intake.number("gpu1:/data", "disk_next_checkpoint_bytes") == 6e10);
  bench.runs.clear();
  bench.run_for(1min);
  CHECK(bench.intake.flag("gpu1:/data", "disk_fits_checkpoint"));
}

TEST_CASE("a mount that hangs is told under its own name, and so is its return", "[host][source]") {
  Bench bench;
  bench.start();
  bench.run_for(1s);
  DiskReading hanging;
  hanging.mount = "/data/results";
  hanging.state = DiskReading::State::hanging;
  hanging.problem = "it does not answer within 10 s";
  bench.disks->readings["/data/results"] = hanging;
  bench.run_for(15s);
  CHECK_FALSE(bench.intake.flag("gpu1:/data", "disk_answers"));
  CHECK(bench.intake.text("host", "degraded", SubjectKind::source) ==
        "/data/results: it does not answer within 10 s");
  bench.disks->readings["/data/results"] = disk("/data", 51);
  bench.run_for(15s);
  CHECK(bench.intake.flag("gpu1:/data", "disk_answers"));
  CHECK(bench.intake.text("host", "degraded", SubjectKind::source).empty());
  CHECK(bench.intake.gone.empty());
}

TEST_CASE("what creeps is told once a minute, what jumps at the next look", "[host][source]") {
  Bench bench;
  bench.start();
  bench.run_for(1s);
  const std::size_t before = bench.intake.told.size();
  bench.run_for(10min);
  // Disk, machine, the source itself: once a minute each.
  CHECK(bench.intake.told.size() - before <= 33);
  const std::size_t quiet = bench.intake.told.size();
  bench.disks->readings["/data/results"] = disk("/data", 85);
  bench.run_for(15s);
  CHECK(bench.intake.told.size() > quiet);
  CHECK(bench.intake.number("gpu1:/data", "disk_used_percent") == 85.0);
}

TEST_CASE("a training whose process ends is told of at the next look, once", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.start();
  bench.run_for(1min);
  CHECK(bench.run_fact("trainer") == "alive");
  CHECK(bench.run_fact("trainer_host") == "gpu1");
  bench.proc.remove(100);
  bench.run_for(16s);
  CHECK(bench.run_fact("trainer") == "exited");
  CHECK(bench.intake.text("gpu1:trainer:h/e/p/abc123", "trainer_state") == "exited");
  const auto of_run = [&] {
    return std::count_if(bench.intake.told.begin(), bench.intake.told.end(),
                         [](const Observation& one) { return one.subject.kind == SubjectKind::run; });
  };
  CHECK(of_run() == 2);
  bench.run_for(1h);
  CHECK(of_run() == 2);
  // The run ends: there is nothing more to say of its process.
  bench.runs.clear();
  bench.run_for(1min);
  CHECK(bench.intake.gone["gpu1:trainer:h/e/p/abc123"] == "the run ended");
}

TEST_CASE("a training that ended while redflag was down is told of at its start", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.start();
  bench.run_for(1min);
  bench.stop();
  SECTION("its pid is free") {
    bench.proc.remove(100);
  }
  SECTION("its pid is another's") {
    bench.proc.add({.pid = 100, .environment = {}, .start = 77});
  }
  SECTION("the machine rebooted, and the numbers came out the same") {
    bench.proc.add({.pid = 100, .environment = {}});
    bench.boot = "boot2";
  }
  bench.start();
  bench.run_for(1s);
  CHECK(bench.run_fact("trainer") == "exited");
}

TEST_CASE("the kernel's events are told once over restarts, and end after an hour", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  bench.kernel.lines.push_back({kFell, kStart - 10min});  // before redflag was there: no news
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.start();
  bench.run_for(1min);
  const std::string key = "gpu1:xid:0000:65:00.0:79";
  CHECK(bench.intake.number(key, "xid") == -1.0);
  bench.kernel.lines.push_back({kFell, bench.clock.now()});
  bench.run_for(5s);
  CHECK(bench.intake.number(key, "xid") == 79.0);
  CHECK(bench.intake.told.back().run == kRun.run.key);
  bench.stop();
  // While it is down the training is killed.
  bench.kernel.lines.push_back(
      {"Out of memory: Killed process 100 (python3) total-vm:9kB, anon-rss:8000000kB", bench.clock.now()});
  bench.proc.remove(100);
  bench.intake.told.clear();
  bench.start();
  bench.run_for(20s);
  const auto told = [&](const std::string& what) {
    return std::count_if(bench.intake.told.begin(), bench.intake.told.end(),
                         [&](const Observation& one) { return word(one, "what") == what; });
  };
  CHECK(told("xid") == 0);
  CHECK(told("oom_kill") == 1);
  CHECK(bench.run_fact("trainer") == "exited");
  CHECK(bench.run_fact("trainer_exit") == "the kernel killed it for want of memory");
  bench.run_for(2h);
  CHECK(bench.intake.gone.contains(key));
  CHECK(told("oom_kill") == 1);
}

TEST_CASE("a kernel log that may not be read is a fact with its reason", "[host][source]") {
  Bench bench;
  bench.kernel_refusal = "Permission denied";
  bench.start();
  bench.run_for(1min);
  CHECK(bench.intake.text("host", "kernel_log", SubjectKind::source) ==
        "not watched: opening the log: Permission denied");
  CHECK(bench.intake.text("host", "degraded", SubjectKind::source).empty());
}

TEST_CASE("what is no longer watched has its alerts closed", "[host][source]") {
  Bench bench;
  bench.start();
  bench.run_for(1s);
  bench.stop();
  bench.readings = {{"/data/results", disk("/elsewhere", 10)}};
  bench.start();
  bench.run_for(1s);
  CHECK(bench.intake.gone["gpu1:/data"] == "it is no longer watched");
}

TEST_CASE("a driver that stops to answer makes its cards not answer, and a lost card is said to be lost",
          "[host][source]") {
  Bench bench;
  GpuReading card;
  card.uuid = "GPU-1";
  bench.cards = {"NVML 535", "", {card}};
  bench.start();
  bench.run_for(1s);
  CHECK(bench.intake.flag("gpu1:GPU-1", "gpu_answers"));
  bench.gpus->readings = {"NVML 535", "the driver does not answer within 10 s", {}};
  bench.run_for(16s);
  CHECK_FALSE(bench.intake.flag("gpu1:GPU-1", "gpu_answers"));
  card.lost = true;
  bench.gpus->readings = {"NVML 535", "", {card}};
  bench.run_for(16s);
  CHECK(bench.intake.flag("gpu1:GPU-1", "gpu_lost"));
}

TEST_CASE("a clock that jumps back or forth disturbs nothing", "[host][source]") {
  Bench bench;
  bench.runs = {kRun};
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.start();
  bench.run_for(1min);
  bench.clock.jump_wall_clock(-48h);
  bench.kernel.lines.push_back({kFell, kStart});
  bench.run_for(1min);
  CHECK(bench.intake.number("gpu1:xid:0000:65:00.0:79", "xid") == 79.0);
  bench.clock.jump_wall_clock(96h);
  bench.run_for(1min);
  CHECK(bench.run_fact("trainer") == "alive");
  CHECK(bench.intake.gone.contains("gpu1:xid:0000:65:00.0:79"));
}

TEST_CASE("no damage of what was kept keeps the source from starting", "[host][source]") {
  for (const char* kept : {"", "{", "[]", "{\"boot\":5}", "{\"boot\":\"boot1\",\"trainers\":[{}]}",
                           "{\"boot\":\"boot1\",\"trainers\":[5]}", "null", "[1,2]"}) {
    Bench bench;
    for (const char* key : {"trainers", "events", "subjects"})
      bench.intake.cursors[std::string("host|") + key] = kept;
    bench.start();
    bench.run_for(1s);
    CHECK(bench.intake.number("gpu1:/data", "disk_used_percent") == 50.0);
  }
}
