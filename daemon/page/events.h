// What changed, told to pages that are open, as server-sent events:
//
//   id: 5c1f0a22-17
//   event: rows
//   data: {"revision":4711,"runs":["api.wandb.ai/ent/proj/abc"],"more":false}
//
// `overview` says that something changed at all, `rows` which runs have news, `alerts` how many fire. They
// carry next to nothing: a page asks for what it shows. One coroutine looks for changes, at most once a
// second and only while somebody listens; all clients share its words. A client that came back is told what
// it missed when that is still known (Last-Event-ID), else "reset": ask for everything.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/net/http_server.h"
#include "daemon/overview/views.h"

namespace redflag::daemon::page {

struct EventLimits {
  Duration spacing = std::chrono::seconds{1};      ///< at least, between two looks for changes
  Duration keep_alive = std::chrono::seconds{15};  ///< of silence; then a comment
  std::size_t clients = 64;
  std::size_t waiting = 64;  ///< events for one client; with more it is dropped, and may come back
  std::size_t remembered = 256;
  std::size_t runs_looked_at = 500;  ///< of Overview::runs, which begins with those that matter
  std::size_t runs_named = 50;
};

class Events {
 public:
  /// `boot` tells this daemon's ids from an earlier one's.
  Events(asio::any_io_executor executor, Clock& clock, Views& views, std::string boot,
         EventLimits limits = {});
  ~Events();

  /// nullptr: there are too many already. `last_id` as the client has it; empty: it is new.
  std::shared_ptr<ResponseStream> connect(std::string_view last_id);
  /// Looks for changes until it is cancelled.
  asio::awaitable<void> run();
  /// Ends all streams.
  void stop();

  std::size_t clients() const { return clients_.size(); }

 private:
  class Client;
  struct Told {
    std::uint64_t number = 0;
    std::shared_ptr<const std::string> text;
  };
  /// What is remembered of a run to see that it changed.
  struct Seen {
    std::int64_t step = -1;
    Time last_row_at;
    std::uint32_t attempt = 0;
    RunState state = RunState::unknown;
    bool operator==(const Seen&) const = default;
  };

  void tell(std::string_view event, const std::string& data);
  void compare(const Overview& overview, std::uint64_t revision);
  std::string greeting(std::uint64_t number, bool reset) const;

  asio::any_io_executor executor_;
  Clock& clock_;
  Views& views_;
  std::string boot_;
  EventLimits limits_;
  std::list<std::weak_ptr<Client>> clients_;
  Event somebody_;
  std::deque<Told> told_;
  std::uint64_t number_ = 0;
  std::uint64_t revision_ = 0;
  std::map<std::string, Seen> seen_;
  std::string alerts_seen_;
  bool looked_ = false;
};

}  // namespace redflag::daemon::page
