// What the machine says of itself.
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
  // What an ordinary user can still write, as df has it.
  return {std::uint64_t{found.f_blocks} * found.f_frsize, std::uint64_t{found.f_bavail} * found.f_frsize};
}

}  // namespace redflag::daemon
