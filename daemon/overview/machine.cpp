// What the machine says of itself.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/overview/collector.h"

namespace redflag::daemon {

HostView this_host() {
  HostView host;
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) == 0) host.name = name;
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t kilobytes = 0;
    if (!(words >> key >> kilobytes)) continue;
    if (key == "MemTotal:") host.memory_total_bytes = kilobytes * 1024;
    if (key == "MemAvailable:") host.memory_available_bytes = kilobytes * 1024;
  }
  return host;
}

std::uint64_t own_rss_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  if (!(file >> size >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

DiskSpace disk_space(std::string path) {
  struct statvfs found {};
  while (::statvfs(path.c_str(), &found) != 0) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return {};
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
  // What an ordinary user can write, as df's Use% has it and the host's source too: what is kept for root
  // counts as neither used nor free, or one disk would be 82 % full in one line and 93 % in the next.
  const std::uint64_t used = found.f_blocks - std::min(found.f_bfree, found.f_blocks);
  return {(used + found.f_bavail) * found.f_frsize, std::uint64_t{found.f_bavail} * found.f_frsize};
}

}  // namespace redflag::daemon
