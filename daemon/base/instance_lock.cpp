#include "daemon/base/instance_lock.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

std::string holder_of(int fd) {
  char text[32] = {};
  const ssize_t size = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) pid += text[i];
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const std::string& directory, const std::function<bool()>& wait) {
  const std::string path = directory + "/redflagd.lock";
  const std::string doing = "locking the state directory " + directory;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return fail(ErrorCode::storage, doing, std::strerror(errno),
                "make it writable for this user, or set store.state_directory to a directory that is");
  }
  InstanceLock lock(fd);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EINTR || (error == EWOULDBLOCK && wait && wait())) continue;
    if (error != EWOULDBLOCK) return fail(ErrorCode::storage, doing, std::strerror(error));
    return fail(ErrorCode::conflict, doing, fmt::format("{} is already using it", holder_of(fd)),
                "stop that one first, or give this one a store.state_directory of its own");
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    // The pid is only a courtesy to whoever is refused; a full disk must not keep the monitor from starting.
  }
  return lock;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

InstanceLock::~InstanceLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace redflag::daemon
