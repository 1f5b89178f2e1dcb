// The live page: HTTP on loopback. It serves the page's files, the events that keep it live, and the same
// /v1 as the local API; gate.h says who gets in. docs/page.md is for those who use it.
#pragma once

#include <functional>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/config/listen_address.h"
#include "daemon/config/secret.h"
#include "daemon/net/http_server.h"
#include "daemon/overview/views.h"
#include "daemon/page/events.h"
#include "daemon/page/gate.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// All on one executor. What it refers to outlives it. Destroy it after stop(), or with the executor.
class PageServer {
 public:
  /// Answers what stands below /v1: the API's handlers, made with a `user_name` that gives "page" to any
  /// user id (who sits at the browser is not known).
  using Api = std::function<asio::awaitable<ServerResponse>(ServerRequest)>;

  PageServer(asio::any_io_executor executor, Clock& clock, Views& views, Api api, ListenAddress address,
             Secret token, page::EventLimits limits = {});

  /// Errors: those of HttpServer::listen.
  Result<void> start();
  /// Looks for changes, for those who listen; until it is cancelled.
  asio::awaitable<void> watch() { return events_.run(); }
  /// Closes everything, and resumes once the requests under way are over, at most after `patience`. May be
  /// called twice.
  asio::awaitable<void> stop(Duration patience);

  /// "http://127.0.0.1:8765/": without anything secret.
  std::string url() const;
  /// An address that signs a browser in, once.
  std::string login_url();

  std::size_t listeners() const { return events_.clients(); }

 private:
  asio::awaitable<ServerResponse> answer(ServerRequest request);
  asio::awaitable<ServerResponse> answer_inside(ServerRequest request, std::string_view path);
  asio::awaitable<ServerResponse> runs(const ServerRequest& request);
  ServerResponse login(const ServerRequest& request);
  ServerResponse events(const ServerRequest& request);
  ServerResponse stranger(const ServerRequest& request);

  Clock& clock_;
  Views& views_;
  Api api_;
  ListenAddress address_;
  page::Gate gate_;
  page::Events events_;
  HttpServer server_;
};

}  // namespace redflag::daemon
