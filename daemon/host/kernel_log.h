// The kernel's log, followed: /dev/kmsg where it may be read, else the journal through journalctl, else
// nobody, with the reason. Where it was left is kept, so that a restart neither repeats nor misses anything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/process.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct KernelLine {
  std::string text;
  Time time;  ///< Time{}: not known
};

struct KernelLines {
  std::vector<KernelLine> lines;  ///< the kernel's own, at most 256
  bool lost = false;              ///< the kernel overwrote some before they were read
};

class KernelLog {
 public:
  virtual ~KernelLog() = default;
  /// Begins behind `position`, which an earlier position() told; "" or one of another kind: with what comes
  /// from now on; one of another boot: with this boot's first line. Errors: denied, unavailable, not_found.
  virtual asio::awaitable<Result<void>> open(std::string position) = 0;
  /// Waits for lines. An error: it cannot be followed any more; open() may help.
  virtual asio::awaitable<Result<KernelLines>> next() = 0;
  /// Behind what next() gave last.
  virtual std::string position() const = 0;
  /// "/dev/kmsg", "journal"
  virtual std::string_view name() const = 0;
};

/// `boot` is /proc/sys/kernel/random/boot_id.
std::unique_ptr<KernelLog> make_kmsg(asio::any_io_executor executor, Clock& clock, std::string boot,
                                     std::string path = "/dev/kmsg");
/// `program` is journalctl's path.
std::unique_ptr<KernelLog> make_journal(ProcessLauncher& launcher, std::string boot,
                                        std::string program = "/usr/bin/journalctl");

}  // namespace redflag::daemon
