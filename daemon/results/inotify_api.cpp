// The kernel's inotify.
#include "daemon/results/inotify_api.h"

#include <cerrno>

#include <sys/inotify.h>
#include <unistd.h>

namespace redflag::daemon {

int SystemInotify::open() {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int SystemInotify::add_watch(int fd, const std::string& path, std::uint32_t mask) {
  const int watch = ::inotify_add_watch(fd, path.c_str(), mask);
  return watch < 0 ? -errno : watch;
}

void SystemInotify::remove_watch(int fd, int watch) {
  ::inotify_rm_watch(fd, watch);  // EINVAL when the directory is already gone: nothing to do
}

ssize_t SystemInotify::read(int fd, void* buffer, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(fd, buffer, size);
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace redflag::daemon
