// The local API's routes: which request becomes which call of Operations, and which answer. docs/api.md shows
// them all; tests/api/documentation_test.cpp holds that page against this code.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/api/probes.h"
#include "daemon/api/target.h"
#include "daemon/base/clock.h"
#include "daemon/monitor/operations.h"
#include "daemon/net/http_server.h"
#include "daemon/overview/views.h"

namespace redflag::daemon::api {

inline constexpr std::size_t kDefaultLimit = 1000;  ///< of a list's entries
inline constexpr std::size_t kMaxLimit = 100'000;

/// One thread, that of the operations. What it refers to outlives every request.
class Handlers {
 public:
  /// `user_name` gives a name to a user id; it must not block for long.
  Handlers(Operations& operations, Views& views, Clock& clock,
           std::function<std::string(std::uint32_t)> user_name);

  /// Gives an address that signs a browser in to the live page, once. Not set: there is no page.
  void set_page_login(std::function<std::string()> login) { page_login_ = std::move(login); }
  /// What answers /metrics, /healthz and /readyz; it outlives every request. Without it only /healthz is
  /// answered.
  void set_probes(Probes* probes) { probes_ = probes; }

  /// Who takes what scripts push (docs/push.md): a body of lines, answered once it is kept. `pid`: the
  /// process that sent it, 0 when that is not known.
  using Push = std::function<asio::awaitable<ServerResponse>(std::string body, std::int64_t pid)>;
  void set_push(Push push) { push_ = std::move(push); }

  /// Never throws but for cancellation.
  asio::awaitable<ServerResponse> answer(ServerRequest request);

  /// Every route as docs/openapi.json has it: "GET", "/v1/alerts/{id}".
  static std::vector<std::pair<std::string, std::string>> known();

 private:
  struct Route;
  using Answer = asio::awaitable<ServerResponse>;
  static const std::vector<Route>& routes();

  Answer probe(const ServerRequest& request, const Target& target);
  Answer describe(const ServerRequest& request, const Target& target);
  Answer health(const ServerRequest& request, const Target& target);
  Answer list_alerts(const ServerRequest& request, const Target& target);
  Answer show_alert(const ServerRequest& request, const Target& target);
  Answer acknowledge(const ServerRequest& request, const Target& target);
  Answer unacknowledge(const ServerRequest& request, const Target& target);
  Answer list_silences(const ServerRequest& request, const Target& target);
  Answer add_silence(const ServerRequest& request, const Target& target);
  Answer end_silence(const ServerRequest& request, const Target& target);
  Answer list_outbox(const ServerRequest& request, const Target& target);
  Answer retry(const ServerRequest& request, const Target& target);
  Answer drop(const ServerRequest& request, const Target& target);
  Answer push(const ServerRequest& request, const Target& target);
  Answer list_channels(const ServerRequest& request, const Target& target);
  Answer page_login(const ServerRequest& request, const Target& target);

  // view_handlers.cpp
  Answer overview(const ServerRequest& request, const Target& target);
  Answer list_runs(const ServerRequest& request, const Target& target);
  Answer show_run(const ServerRequest& request, const Target& target);
  Answer curves(const ServerRequest& request, const Target& target);
  Answer evidence(const ServerRequest& request, const Target& target);

  std::string who(const ServerRequest& request) const;

  Operations& operations_;
  Views& views_;
  Clock& clock_;
  std::function<std::string(std::uint32_t)> user_name_;
  std::function<std::string()> page_login_;
  Probes* probes_ = nullptr;
  Push push_;
};

}  // namespace redflag::daemon::api
