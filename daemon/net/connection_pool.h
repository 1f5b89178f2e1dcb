// Connections kept open between requests. Costs nothing while there is none, and one sleeping timer while
// there is.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "daemon/net/connection.h"

namespace redflag::daemon {

class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  /// Keeps at most `most` connections, each for at most `idle_timeout`. Make with std::make_shared.
  ConnectionPool(const asio::any_io_executor& executor, Duration idle_timeout, std::size_t most);

  /// The connection of that key that was used last and still looks usable; null when there is none.
  std::shared_ptr<Connection> take(const std::string& key);
  /// Keeps a connection on which no answer is outstanding; the oldest goes when there are too many.
  void give(std::string key, std::shared_ptr<Connection> connection);
  void close_all();
  std::size_t size() const { return idle_.size(); }

 private:
  struct Idle {
    std::string key;
    std::shared_ptr<Connection> connection;
    std::chrono::steady_clock::time_point until;
  };
  void arm();
  void expire();

  std::list<Idle> idle_;  // oldest first
  asio::steady_timer timer_;
  Duration idle_timeout_;
  std::size_t most_;
};

}  // namespace redflag::daemon
