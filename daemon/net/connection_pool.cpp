// Few connections, so a list that is walked; oldest first, so that the timer only ever waits for the front.
#include "daemon/net/connection_pool.h"

#include <utility>

namespace redflag::daemon {

ConnectionPool::ConnectionPool(const asio::any_io_executor& executor, Duration idle_timeout, std::size_t most)
    : timer_(executor), idle_timeout_(idle_timeout), most_(most) {}

std::shared_ptr<Connection> ConnectionPool::take(const std::string& key) {
  std::shared_ptr<Connection> found;
  for (auto it = idle_.end(); it != idle_.begin() && !found;) {
    --it;
    if (it->key == key) {
      if (it->connection->looks_usable()) {
        found = std::move(it->connection);
      }
      it = idle_.erase(it);
    }
  }
  if (idle_.empty()) {
    timer_.cancel();
  }
  return found;
}

void ConnectionPool::give(std::string key, std::shared_ptr<Connection> connection) {
  if (most_ == 0) {
    return;
  }
  if (idle_.size() >= most_) {
    idle_.pop_front();
  }
  idle_.push_back(
      Idle{std::move(key), std::move(connection), std::chrono::steady_clock::now() + idle_timeout_});
  if (idle_.size() == 1) {
    arm();
  }
}

void ConnectionPool::close_all() {
  idle_.clear();
  timer_.cancel();
}

void ConnectionPool::arm() {
  timer_.expires_at(idle_.front().until);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto pool = weak.lock();
    if (pool && !cancelled) {
      pool->expire();
    }
  });
}

void ConnectionPool::expire() {
  const auto now = std::chrono::steady_clock::now();
  while (!idle_.empty() && idle_.front().until <= now) {
    idle_.pop_front();
  }
  if (!idle_.empty()) {
    arm();
  }
}

}  // namespace redflag::daemon
