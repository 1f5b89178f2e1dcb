// The one way into the store: keeps commits in order, merges those that wait together into one transaction,
// and tries again when the disk refuses, so that nothing that was accepted is ever dropped.
#pragma once

#include <cstdint>

#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/store/store.h"

namespace redflag::daemon {

class Committer {
 public:
  Committer(asio::any_io_executor executor, Clock& clock, Store& store);

  /// Resumes once the commit is durable. Only cancellation ends it sooner.
  asio::awaitable<void> submit(Commit commit);
  /// The same without waiting, for what nobody has to wait for.
  void post(Commit commit);

  /// Runs until cancelled.
  asio::awaitable<void> run();
  /// Everything submitted so far is durable.
  bool idle() const { return committed_ == issued_; }
  /// Since when the store refuses; Time{} while it does not.
  Time failing_since() const { return failing_since_; }

 private:
  asio::awaitable<void> write(Commit commit);

  Clock& clock_;
  Store& store_;
  Event work_;
  Event done_;
  Commit pending_;
  std::uint64_t issued_ = 0;
  std::uint64_t committed_ = 0;
  Time failing_since_;
};

}  // namespace redflag::daemon
