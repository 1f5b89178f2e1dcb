// Reading beside the writer: what people want to see is read on a thread and a connection of its own, so that
// no commit waits for it. SQLite's WAL gives each reading the state of the last commit.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/store/database.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// The thread begins with the first work. Call from one thread.
class StoreReader {
 public:
  /// Told on the reader's thread; without a database, the error why there is none.
  using Work = std::function<void(Result<Database*>)>;

  explicit StoreReader(std::string path) : path_(std::move(path)) {}
  ~StoreReader() { stop(); }
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;

  void post(Work work);
  /// The file at the path is another one now.
  void reopen();
  /// Breaks off what runs; what still waits is told so.
  void stop();

 private:
  void work();

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  std::thread thread_;
  std::unique_ptr<Database> database_;
  bool stopping_ = false;
  bool stale_ = false;
};

}  // namespace redflag::daemon
