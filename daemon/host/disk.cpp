#include "daemon/host/disk.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "daemon/host/small_file.h"

namespace redflag::daemon {
namespace {

/// The kernel writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

/// Without symlinks; of a path that does not exist, what of it does.
std::string existing(std::string path) {
  for (;;) {
    char resolved[PATH_MAX];
    if (::realpath(path.c_str(), resolved) != nullptr) return resolved;
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return "/";
    path.resize(std::max<std::size_t>(slash, 1));
  }
}

}  // namespace

double DiskReading::inodes_used_percent() const {
  if (inodes_total == 0) return 0.0;
  const std::uint64_t used = inodes_total - std::min(inodes_free, inodes_total);
  return 100.0 * static_cast<double>(used) / static_cast<double>(inodes_total);
}

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    // 36 35 98:0 /root /mount options [tags…] - type source options
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 5 || dash - words.begin() < 5 || words.end() - dash < 2) continue;
    if (!words[4].starts_with('/')) continue;
    mounts.push_back({unescape(words[4]), unescape(dash[1])});
  }
  return mounts;
}

const MountEntry* mount_of(const std::vector<MountEntry>& mounts, std::string_view path) {
  const MountEntry* best = nullptr;
  for (const MountEntry& mount : mounts) {
    const std::string& point = mount.point;
    const bool below = point == "/" || path == point ||
                       (path.starts_with(point) && path.size() > point.size() && path[point.size()] == '/');
    if (below && (best == nullptr || point.size() >= best->point.size())) best = &mount;
  }
  return best;
}

DiskReading read_disk(const std::string& path, const std::string& mountinfo) {
  DiskReading reading;
  const std::string real = existing(path);
  reading.mount = real;
  struct statvfs is {};
  struct stat about {};
  if (::statvfs(real.c_str(), &is) != 0 || ::stat(real.c_str(), &about) != 0) {
    reading.problem = std::strerror(errno);
    return reading;
  }
  reading.state = DiskReading::State::ok;
  reading.device = about.st_dev;
  const auto text = read_small_file(mountinfo, std::size_t{4} << 20);
  const std::vector<MountEntry> mounts = parse_mountinfo(text.value_or(""));
  if (const MountEntry* mount = mount_of(mounts, real)) {
    reading.mount = mount->point;
    reading.type = mount->type;
  }
  const double block = static_cast<double>(is.f_frsize);
  const double blocks = static_cast<double>(is.f_blocks);
  const double used = blocks - static_cast<double>(std::min(is.f_bfree, is.f_blocks));
  const double usable = used + static_cast<double>(is.f_bavail);
  reading.total_bytes = static_cast<std::uint64_t>(blocks * block);
  reading.free_bytes = static_cast<std::uint64_t>(static_cast<double>(is.f_bavail) * block);
  reading.used_percent = usable > 0.0 ? 100.0 * used / usable : 0.0;
  reading.inodes_total = is.f_files;
  reading.inodes_free = is.f_favail;
  reading.read_only = (is.f_flag & ST_RDONLY) != 0;
  return reading;
}

asio::awaitable<DiskReading> SystemDiskProbe::read(std::string path) {
  std::unique_ptr<OffLoop<DiskReading>>& thread = threads_[path];
  if (!thread) thread = std::make_unique<OffLoop<DiskReading>>(executor_);
  // Named: GCC 12 destroys a temporary function twice when it is part of a co_await.
  std::function<DiskReading()> work = [path] { return read_disk(path, "/proc/self/mountinfo"); };
  std::optional<DiskReading> reading = co_await thread->run(clock_, limit_, std::move(work));
  if (reading) co_return std::move(*reading);
  DiskReading none;
  none.mount = path;
  none.state = DiskReading::State::hanging;
  none.problem = fmt::format("it does not answer within {}", human_duration(limit_));
  co_return none;
}

}  // namespace redflag::daemon
