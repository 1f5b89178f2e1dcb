// The four inotify calls, behind a seam: tests make add_watch fail with ENOSPC and put a queue overflow into
// the stream, which the kernel would only do with its limits lowered for the whole machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>

namespace redflag::daemon {

/// Results are the kernel's, except that failures are returned as -errno.
class InotifyApi {
 public:
  virtual ~InotifyApi() = default;
  /// A new non-blocking, close-on-exec descriptor; the caller closes it.
  virtual int open() = 0;
  virtual int add_watch(int fd, const std::string& path, std::uint32_t mask) = 0;
  virtual void remove_watch(int fd, int watch) = 0;
  /// Whole events only; -EAGAIN when there are none.
  virtual ssize_t read(int fd, void* buffer, std::size_t size) = 0;
};

/// Usable as a base for a test's own.
class SystemInotify : public InotifyApi {
 public:
  int open() override;
  int add_watch(int fd, const std::string& path, std::uint32_t mask) override;
  void remove_watch(int fd, int watch) override;
  ssize_t read(int fd, void* buffer, std::size_t size) override;
};

}  // namespace redflag::daemon
