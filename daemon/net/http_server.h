// A small HTTP/1.1 server for this machine: the simulators stand behind it, and the local API does. It can
// also misbehave on demand (late, dripping, cut and missing answers), which is what its clients are tested
// against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <sys/types.h>

#include "daemon/base/clock.h"
#include "daemon/net/http.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct ServerRequest {
  std::string method;
  std::string target;  ///< as sent: path and query, "/graphql?x=1"
  std::vector<HttpHeader> headers;
  std::string body;
  std::optional<std::uint32_t> peer_uid;  ///< who asks; known on unix sockets only
  std::int64_t peer_pid = 0;              ///< the process that asks; 0: not known

  /// First header of that name, case-insensitive; empty when there is none.
  std::string_view header(std::string_view name) const;
  /// `target` up to the question mark.
  std::string_view path() const;
};

/// An answer that goes on while there is something to say (server-sent events). One connection reads it, and
/// asks for the next piece only when the one before has been taken: what a slow reader makes wait is the
/// stream's to bound.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// The next piece, as soon as there is one; empty: that was all.
  virtual asio::awaitable<std::string> next() = 0;
  /// The client has gone, or the server stops: `next` is to return an empty piece soon. May come twice.
  virtual void close() = 0;
};

struct ServerResponse {
  int status = 200;
  std::vector<HttpHeader> headers;  ///< Content-Length and Connection are added by the server
  std::string body;
  std::shared_ptr<ResponseStream>
      stream;  ///< if any: sent instead of `body`, chunked; the connection ends with it

  // Misbehaviour, for simulators. All waits are on the server's clock.
  std::optional<std::size_t>
      cut_after;     ///< close after that many bytes of body, though Content-Length promises all of it
  Duration delay{};  ///< before the first byte of the answer
  Duration drip{};   ///< between pieces of kDripBytes of the body
  std::string
      dropped;  ///< not empty: close without any answer; what a client would say of it ("connection refused")
};

inline constexpr std::size_t kDripBytes = 1024;

struct HttpServerLimits {
  std::size_t max_header_bytes = std::size_t{16} << 10;  ///< more is answered with 431
  std::size_t max_body_bytes = std::size_t{16} << 20;    ///< more is answered with 413
  std::size_t max_connections = 256;                     ///< further ones are closed at once
  Duration idle_timeout =
      std::chrono::seconds{60};  ///< for a request to arrive, and for each write; real time
  Duration stream_timeout =
      std::chrono::seconds{10};        ///< for a piece of a stream to be taken; then the client is dropped
  int stream_buffer_bytes = 64 << 10;  ///< what the system may keep for a slow reader of a stream
};

/// All on one executor (one thread or a strand); not thread-safe. Must be destroyed before the executor's
/// context. What the handler refers to must live until the executor has run dry after `stop()`, or until that
/// context is destroyed.
class HttpServer {
 public:
  using Handler = std::function<asio::awaitable<ServerResponse>(ServerRequest)>;
  /// The form of what the server itself has to say: 400, 413, 431 and 500.
  using Complaint = std::function<ServerResponse(int status, std::string_view what)>;

  /// An exception that leaves `handler` is answered with 500.
  HttpServer(asio::any_io_executor executor, Clock& clock, Handler handler, HttpServerLimits limits = {});
  ~HttpServer();  ///< stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Starts to accept on an IP address ("127.0.0.1", "::1"); port 0 takes any free one. Gives the port. May
  /// be called again for another address. Errors: invalid_input (not an address), conflict (port in use),
  /// unavailable.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port = 0);

  /// Starts to accept on a unix socket; see unix_socket.h: listen_unix for `mode`, `group` and the errors.
  Result<void> listen_unix(const std::string& path, mode_t mode, const std::string& group = {});
  /// Instead of plain text.
  void set_complaint(Complaint complaint);

  /// Closes all listeners and connections at once, and removes the files of its sockets; requests being
  /// answered are cancelled. May be called twice.
  void stop();

  std::size_t open_connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redflag::daemon
