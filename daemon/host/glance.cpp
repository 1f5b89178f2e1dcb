#include "daemon/host/glance.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "daemon/host/processes.h"
#include "daemon/host/small_file.h"

namespace redflag::daemon {

std::optional<ProcessGlance> glance_at_process(const std::string& proc, std::int64_t pid) {
  const std::string base = proc + "/" + std::to_string(pid);
  const auto stat = parse_process_stat(read_small_file(base + "/stat", 4096).value_or(""));
  if (!stat || stat->pid != pid || stat->state == 'Z' || stat->state == 'X' || stat->state == 'x')
    return std::nullopt;
  ProcessGlance glance{stat->start_ticks, {}};
  for (const char* const fd : {"/fd/1", "/fd/2"}) {
    std::array<char, 4096> target;
    const ssize_t size = ::readlink((base + fd).c_str(), target.data(), target.size());
    if (size <= 0 || target[0] != '/') continue;
    std::string path(target.data(), static_cast<std::size_t>(size));
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
    if (std::find(glance.outputs.begin(), glance.outputs.end(), path) == glance.outputs.end())
      glance.outputs.push_back(std::move(path));
  }
  return glance;
}

}  // namespace redflag::daemon
