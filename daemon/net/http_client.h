// HTTP and HTTPS for the daemon: keep-alive, verified TLS, proxies, gzip, and a limit on everything, time
// included.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "daemon/net/http.h"
#include "daemon/net/proxy.h"
#include "daemon/net/resolver.h"

namespace redflag::daemon {

struct HttpClientSettings {
  std::string user_agent = "redflag";
  std::string ca_file;  ///< PEM authorities trusted besides the system's; empty for none
  ProxyFor proxy_for;   ///< empty: always direct
  ResolverSettings resolver;
  Duration idle_timeout =
      std::chrono::seconds{60};  ///< a kept connection is closed after this long without use
  std::size_t most_idle = 8;     ///< kept connections, all hosts together; 0 keeps none
  std::size_t header_bytes = std::size_t{64}
                             << 10;  ///< limit of a response's status line and headers together
};

/// Belongs to one event loop and its thread; must be stopped or destroyed before the loop's io_context. While
/// connections are kept, a timer keeps io_context::run() from returning, until idle_timeout or stop().
///
/// Redirects are not followed: a 3xx is a response like any other. When a kept connection turns out to be
/// dead before a byte of the answer has come, the request is sent once more on a new one, so a server may in
/// rare cases see it twice.
///
/// Errors: timed_out; unavailable (DNS, connect, TLS, cut); denied (certificate or proxy login refused);
/// too_large (headers, or the body after decompression); malformed (not HTTP, damaged gzip); invalid_input
/// (the URL, a header, ca_file); cancelled (stop(), or the waiting coroutine was cancelled). `doing` is the
/// request's label.
class HttpClient final : public HttpTransport {
 public:
  explicit HttpClient(asio::any_io_executor executor, HttpClientSettings settings = {});
  ~HttpClient() override;  ///< stop()
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override;

  /// Closes every connection; what is under way, and whatever is sent later, ends with ErrorCode::cancelled.
  /// Never waits.
  void stop();

  /// Connections that are kept for later requests.
  std::size_t idle_connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redflag::daemon
