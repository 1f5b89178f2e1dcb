// Asks W&B one question at a time: the only place that knows the key, and the pace at which W&B may be asked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/net/http.h"
#include "daemon/wandb/graphql_answer.h"
#include "daemon/wandb/wandb_service.h"

namespace redflag::daemon {

struct GraphqlClientOptions {
  std::string base_url = "https://api.wandb.ai";  ///< any scheme, host, port and path prefix
  Duration spacing = std::chrono::seconds{1};     ///< least time between two requests of this key
  Duration timeout = std::chrono::seconds{30};
  std::size_t max_answer_bytes = std::size_t{64} << 20;
};

struct GraphqlQuestion {
  std::string doing;  ///< for errors: "listing the runs of ent/proj"
  std::string query;
  nlohmann::json variables = nlohmann::json::object();
};

/// One for each key and server, shared by every project's poller; not thread-safe, one event loop.
/// `transport` and `clock` must outlive it. The key is fetched for each request and never kept.
class GraphqlClient {
 public:
  using KeySource = std::function<std::string()>;

  GraphqlClient(HttpTransport& transport, Clock& clock, GraphqlClientOptions options, KeySource key);

  /// Waits for its turn (spacing, Retry-After, RateLimit-Reset), then asks. Throws only when cancelled while
  /// waiting (boost::system::system_error, operation_aborted).
  asio::awaitable<GraphqlResult> ask(GraphqlQuestion question);

  /// How long W&B wants to be left alone from now on; zero = not at all.
  Duration blocked_for() const;

  /// What W&B's own clock showed when `local` was the time here, by the Date of its last answer and the
  /// monotonic clock: `monotonic` is when that was. `local` itself when the two differ by two minutes or less
  /// (latency, rounding) and when no answer had a Date. A clock here that jumps must not make every run look
  /// silent.
  Time by_service_clock(Time local, Duration monotonic) const;

  const WandbService& service() const { return service_; }
  std::uint64_t requests() const { return requests_; }

 private:
  asio::awaitable<void> wait_for_turn();

  HttpTransport& transport_;
  Clock& clock_;
  GraphqlClientOptions options_;
  KeySource key_;
  WandbService service_;
  Duration next_turn_{};        // monotonic
  Duration blocked_until_{};    // monotonic
  Time service_date_;           // of the last answer; Time{}: none had one
  Duration service_date_at_{};  // monotonic
  std::uint64_t requests_ = 0;
};

/// The entity that the key belongs to, for a configuration that names none.
asio::awaitable<Result<std::string>> default_entity(GraphqlClient& client);

}  // namespace redflag::daemon
