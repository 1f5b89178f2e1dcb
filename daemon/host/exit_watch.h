// Wakes whoever waits as soon as one of the watched processes is gone: through pidfds, which neither stop nor
// touch it. Where the kernel has none, or does not allow it, the next look at /proc finds out.
#pragma once

#include <map>
#include <memory>
#include <set>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/base/event.h"
#include "daemon/host/processes.h"

namespace redflag::daemon {

/// One thread.
class ExitWatch {
 public:
  static constexpr std::size_t kMost = 64;

  explicit ExitWatch(asio::any_io_executor executor);
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;
  ~ExitWatch();

  /// From now on these, at most kMost. They were seen to live a moment ago.
  void watch(const std::set<ProcessId>& processes);
  /// Set at every exit.
  Event& exits() { return *exits_; }
  std::size_t watched() const { return watched_.size(); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Event> exits_;
  std::map<ProcessId, std::shared_ptr<asio::posix::stream_descriptor>> watched_;
};

}  // namespace redflag::daemon
