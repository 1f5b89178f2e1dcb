#include "daemon/store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/base/failpoint.h"

namespace redflag::daemon {
namespace {

/// Blocks that hold data or are promised to it; a sparse file has none to give back.
bool allocated(const std::string& path, std::uint64_t bytes) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  return static_cast<std::uint64_t>(info.st_blocks) * 512 >= bytes;
}

bool room_for(const std::string& path, std::uint64_t bytes) {
  struct statvfs disk {};
  const std::string directory = path.substr(0, path.rfind('/') + 1) + ".";
  if (::statvfs(directory.c_str(), &disk) != 0) return false;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= bytes;
}

}  // namespace

Reserve::Reserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

bool Reserve::make() {
  held_ = allocated(path_, bytes_);
  if (held_) return true;
  (void)::unlink(path_.c_str());
  if (!room_for(path_, 2 * bytes_)) return false;
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  const bool given = ::posix_fallocate(file, 0, static_cast<off_t>(bytes_)) == 0;
  ::close(file);
  held_ = given && allocated(path_, bytes_);
  if (!held_) (void)::unlink(path_.c_str());
  return held_;
}

bool Reserve::release() {
  failpoint("before-release");
  const bool had = allocated(path_, 1);
  const bool gone = ::unlink(path_.c_str()) == 0;
  held_ = false;
  failpoint("after-release");
  return had && gone;
}

}  // namespace redflag::daemon
