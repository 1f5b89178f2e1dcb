#include "daemon/store/reader.h"

#include <sys/resource.h>

namespace redflag::daemon {

void StoreReader::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(work));
      work = nullptr;
      if (!thread_.joinable()) thread_ = std::thread([this] { this->work(); });
    }
  }
  wake_.notify_one();
  if (work) work(fail(ErrorCode::cancelled, "reading the state database", "redflag is stopping"));
}

void StoreReader::reopen() {
  const std::lock_guard lock(mutex_);
  stale_ = true;
}

void StoreReader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (database_) database_->interrupt();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void StoreReader::work() {
  (void)::setpriority(PRIO_PROCESS, 0, 5);  // of this thread: training and commits come first
  for (;;) {
    Work next;
    Result<Database*> database = nullptr;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      if (stale_) database_.reset();
      stale_ = false;
      if (stopping_) {
        database = fail(ErrorCode::cancelled, "reading the state database", "redflag is stopping");
      } else {
        if (!database_) {
          auto opened = Database::open_to_read(path_);
          if (opened) {
            database_ = std::move(*opened);
          } else {
            database = tl::unexpected<Error>(std::move(opened.error()));
          }
        }
        if (database_) database = database_.get();
      }
    }
    next(std::move(database));
  }
}

}  // namespace redflag::daemon
