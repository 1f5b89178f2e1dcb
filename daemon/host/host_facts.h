// Readings of the machine as facts for the rules. All are about subjects of kind `host`, source "host":
//
//   HOST                 what="machine"  memory_total_bytes memory_available_bytes memory_available_percent
//                        swap_total_bytes swap_free_bytes swap_free_percent (100 without swap)
//                        memory_stalled_percent, in_container, live_runs
//   HOST:/mount          what="disk"  disk_answers, disk_used_percent disk_free_bytes disk_total_bytes
//                        inodes_used_percent inodes_free (where there is a fixed number), read_only,
//                        file_system, quota="not known", disk_horizon (seconds that runs may still go on),
//                        disk_next_checkpoint_bytes, disk_fits_checkpoint
//   HOST:GPU-uuid        what="gpu"  gpu_answers, gpu_lost, gpu_memory_used_bytes gpu_memory_percent
//                        gpu_utilisation_percent gpu_temperature_c gpu_slowdown_c gpu_power_watts
//                        gpu_ecc_uncorrected, gpu_throttle (words, "" = none), gpu_processes, pci
//   HOST:trainer:RUN     what="trainer"  trainer_state (alive stopped stuck exited), trainer_rss_mb,
//                        trainer_threads, trainer_processes, trainer_pid, trainer_command, evidence
//   HOST:oom:PID:TIME    what="oom_kill"  victim (trainer python redflag other), in_cgroup, pid, command,
//                        rss_mb, detail
//   HOST:xid:PCI:NUMBER  what="xid"  xid, pci, count, detail
//
// `name` is what people call it; `host` the machine's name. Of a run that has a process here, its own facts
// say: trainer (alive, exited), trainer_evidence, trainer_pid, trainer_host, trainer_exit (why, if known).
#pragma once

#include <optional>
#include <string>

#include "daemon/host/disk.h"
#include "daemon/host/gpu.h"
#include "daemon/host/memory.h"
#include "daemon/host/processes.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// Hostile bytes escaped, at most `most` bytes.
std::string host_text(std::string_view raw, std::size_t most = 256);

Attributes memory_facts(const MemoryReading& reading, std::size_t live_runs);

struct DiskDemand {
  Duration horizon{};                 ///< for how long runs may still write to it
  std::uint64_t next_checkpoint = 0;  ///< bytes; 0: not known, or nobody trains
};
Attributes disk_facts(const DiskReading& reading, const DiskDemand& demand);

/// `users`: its processes and their runs, for people.
Attributes gpu_facts(const GpuReading& reading, const std::string& users);

/// `name` is the run's, or the pattern.
Attributes trainer_facts(const Trainer& trainer, const std::string& name);
Attributes run_trainer_facts(const Trainer& trainer, const std::string& host, const std::string& exit);

}  // namespace redflag::daemon
