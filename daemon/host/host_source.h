// The machine itself as a source: disks, memory, GPUs, the kernel's log, the trainings' processes. What it
// learns goes to the intake as facts (see host_facts.h), and what of it cannot be watched, with the reason,
// as facts about itself:
//
//   subject source "host": kind="host", reachable (true), degraded (what does not answer, "" = all does),
//   disks, gpus, trainers, processes (numbers), memory, gpu, kernel_log, process_list (how each is watched:
//   "/dev/kmsg", "NVML 535…", or "not watched: …"), kernel_events_left_out
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/host/disk.h"
#include "daemon/host/exit_watch.h"
#include "daemon/host/gpu.h"
#include "daemon/host/kernel_events.h"
#include "daemon/host/kernel_log.h"
#include "daemon/host/processes.h"
#include "daemon/monitor/intake.h"

namespace redflag::daemon {

/// What the source asks the machine through. Null: that part is not watched.
struct HostProbes {
  std::string host;  ///< the machine's name
  std::string boot;  ///< of /proc/sys/kernel/random/boot_id; empty when unknown
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
  std::int64_t own_pid = 0;
  long ticks_per_second = 100;
  long page_bytes = 4096;
  std::unique_ptr<DiskProbe> disks;
  std::unique_ptr<GpuProbe> gpus;
  std::vector<std::unique_ptr<KernelLog>> kernel_logs;  ///< the first that opens is followed
  std::unique_ptr<ExitWatch> exits;
};

/// Of this machine.
HostProbes system_host_probes(asio::any_io_executor executor, Clock& clock, ProcessLauncher& launcher);

/// A run that has not ended.
struct LiveRun {
  KnownRun run;
  std::optional<Duration> remaining;  ///< nullopt: cannot be told
};

struct HostSettings {
  std::vector<std::string> disk_paths;
  Duration interval = std::chrono::seconds{15};
  bool gpu = true;
  bool kernel_log = true;
  std::vector<std::string> processes;  ///< globs over command lines
  /// How long runs may still go on when none says so.
  Duration horizon = std::chrono::hours{8};
  std::function<std::vector<LiveRun>()> runs;
  /// Bytes of the largest checkpoint that was written below the path lately; 0: none.
  std::function<std::uint64_t(const std::string& path)> largest_checkpoint;
};

class HostSource {
 public:
  /// `clock` and `intake` outlive it.
  HostSource(Clock& clock, Intake& intake, HostProbes probes, HostSettings settings);

  /// Measures, for ever. Cancellable, as the clock's sleep is.
  asio::awaitable<void> measure();
  /// Follows the kernel's log, for ever; returns when there is none to follow by configuration.
  asio::awaitable<void> follow_kernel_log();

  /// "2 file systems, memory, 1 GPU (NVML 535.161.08), kernel log (/dev/kmsg), 1 trainer": for the log.
  std::string describe() const;

 private:
  struct Told {
    Attributes attributes;
    Duration at{};
  };
  asio::awaitable<void> look(SourceBatch& batch);
  asio::awaitable<void> look_at_disks(SourceBatch& batch, const std::vector<LiveRun>& runs);
  asio::awaitable<void> look_at_gpus(SourceBatch& batch);
  void look_at_memory(SourceBatch& batch, const std::vector<LiveRun>& runs);
  void look_at_processes(SourceBatch& batch, const std::vector<LiveRun>& runs);
  void tell(SourceBatch& batch, Subject subject, Attributes attributes, const std::string& run = {});
  void tell_health(SourceBatch& batch);
  void restore();
  void keep_trainers(SourceBatch& batch);
  void close_what_is_gone(SourceBatch& batch);
  asio::awaitable<Error> follow(KernelLog& log);
  std::string gpu_users(const GpuReading& gpu) const;
  Subject part(const std::string& name) const { return {SubjectKind::host, probes_.host + ":" + name}; }

  Clock& clock_;
  Intake& intake_;
  HostProbes probes_;
  HostSettings settings_;
  ProcessTable table_;
  KernelEvents events_;
  std::map<Subject, Told> told_;
  std::map<std::string, std::string> mounts_;  // path → mount, as last known
  std::map<std::string, std::string> run_names_;
  std::map<std::string, std::string> gpu_names_;  // uuid → name, of cards that were told of
  std::string kernel_position_;
  std::string kept_trainers_;
  std::map<std::string, std::string> why_gone_;  // of subjects that are closed at this look
  std::set<std::string> kept_subjects_;          // that were told of, now or before the last stop
  std::string disk_trouble_;
  std::string memory_how_;
  std::string gpu_how_;
  std::string gpu_trouble_;
  std::string kernel_how_ = "not yet watched";
  std::string process_how_;
  std::size_t disks_ = 0;
  std::size_t gpus_ = 0;
  std::string described_;
};

}  // namespace redflag::daemon
