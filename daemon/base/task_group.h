// The long-running coroutines of the daemon: started by name, restarted with back-off should one ever throw,
// and stopped together.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "daemon/base/clock.h"

namespace redflag::daemon {

/// One thread. Destroy it only when the executor runs no more, or after stop() has returned true.
class TaskGroup {
 public:
  TaskGroup(asio::any_io_executor executor, Clock& clock);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs what `make` returns. A task that returns is done; one that throws is logged and made anew after 1
  /// s, 2 s, … 1 min.
  void start(std::string name, std::function<asio::awaitable<void>()> make);

  /// Cancels every task and waits until all have ended, at most `patience`. false: some did not.
  asio::awaitable<bool> stop(Duration patience);

  std::size_t running() const { return tasks_.size(); }

 private:
  struct Task {
    Task(std::string n, std::function<asio::awaitable<void>()> m) : name(std::move(n)), make(std::move(m)) {}
    std::string name;
    std::function<asio::awaitable<void>()> make;
    asio::cancellation_signal cancel;
  };
  asio::awaitable<void> supervise(Task& task);

  asio::any_io_executor executor_;
  Clock& clock_;
  std::list<Task> tasks_;
  bool stopping_ = false;
};

}  // namespace redflag::daemon
