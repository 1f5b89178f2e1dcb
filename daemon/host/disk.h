// How full the file systems are that results, logs and redflag's own state lie on: blocks and inodes, as df
// counts them. A mount whose server is gone does not answer for hours: it is asked on a thread of its own,
// with a time limit, and that it does not answer is told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/off_loop.h"

namespace redflag::daemon {

/// One file system, as one path of it shows it. Quotas are not looked at: statvfs does not tell them.
struct DiskReading {
  enum class State : std::uint8_t {
    ok,
    absent,   ///< neither the path nor any directory above it can be looked at
    hanging,  ///< no answer in time
  } state = State::absent;
  std::string mount;         ///< where it is mounted, raw bytes; the path itself when that is not known
  std::string type;          ///< "ext4", "nfs4"; empty when not known
  std::uint64_t device = 0;  ///< the same for all paths of one file system
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;    ///< what is left to ordinary users
  double used_percent = 0.0;       ///< as df has it: used of what ordinary users can have
  std::uint64_t inodes_total = 0;  ///< 0: the file system has no fixed number of them (btrfs, some NFS)
  std::uint64_t inodes_free = 0;
  bool read_only = false;
  std::string problem;  ///< why it is not ok, for people

  double inodes_used_percent() const;
};

struct MountEntry {
  std::string point;  ///< unescaped
  std::string type;
};

/// The lines of /proc/self/mountinfo that can be understood, in their order.
std::vector<MountEntry> parse_mountinfo(std::string_view text);

/// The mount that an absolute path without symlinks lies on: the longest, of equals the last (it lies on
/// top). nullptr: none.
const MountEntry* mount_of(const std::vector<MountEntry>& mounts, std::string_view path);

/// Asks the system, now; may hang. A path that does not exist yet stands for the nearest directory above it
/// that does.
DiskReading read_disk(const std::string& path, const std::string& mountinfo);

class DiskProbe {
 public:
  virtual ~DiskProbe() = default;
  virtual asio::awaitable<DiskReading> read(std::string path) = 0;
};

class SystemDiskProbe final : public DiskProbe {
 public:
  SystemDiskProbe(asio::any_io_executor executor, Clock& clock, Duration limit = std::chrono::seconds{10})
      : executor_(std::move(executor)), clock_(clock), limit_(limit) {}
  asio::awaitable<DiskReading> read(std::string path) override;

 private:
  asio::any_io_executor executor_;
  Clock& clock_;
  Duration limit_;
  std::map<std::string, std::unique_ptr<OffLoop<DiskReading>>>
      threads_;  // by path: one that hangs stops none
};

}  // namespace redflag::daemon
