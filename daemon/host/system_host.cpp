#include <unistd.h>

#include "daemon/host/host_source.h"
#include "daemon/host/small_file.h"

namespace redflag::daemon {

HostProbes system_host_probes(asio::any_io_executor executor, Clock& clock, ProcessLauncher& launcher) {
  HostProbes probes;
  char name[256] = {};
  probes.host = ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
  probes.boot = read_small_file("/proc/sys/kernel/random/boot_id").value_or("");
  while (!probes.boot.empty() && probes.boot.back() <= ' ') probes.boot.pop_back();
  probes.own_pid = ::getpid();
  probes.ticks_per_second = ::sysconf(_SC_CLK_TCK);
  probes.page_bytes = ::sysconf(_SC_PAGESIZE);
  probes.disks = std::make_unique<SystemDiskProbe>(executor, clock);
  probes.gpus = make_gpu_probe(executor, clock, launcher);
  probes.kernel_logs.push_back(make_kmsg(executor, clock, probes.boot));
  probes.kernel_logs.push_back(make_journal(launcher, probes.boot));
  probes.exits = std::make_unique<ExitWatch>(executor);
  return probes;
}

}  // namespace redflag::daemon
