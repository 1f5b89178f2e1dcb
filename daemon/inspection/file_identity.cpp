#include "daemon/inspection/file_identity.h"

#include <sys/stat.h>

namespace redflag::daemon {

std::optional<FileIdentity> SystemFileProbe::identity_of(const std::string& path) const {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  FileIdentity identity;
  identity.size = static_cast<std::uint64_t>(found.st_size);
  identity.modified_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
  identity.inode = found.st_ino;
  identity.device = found.st_dev;
  return identity;
}

FileIdentity identity_in(const tensors::FileReport& report) {
  FileIdentity identity;
  identity.size = report.size;
  identity.modified_ns = report.modified_ns;
  identity.inode = report.inode;
  identity.device = report.device;
  return identity;
}

}  // namespace redflag::daemon
