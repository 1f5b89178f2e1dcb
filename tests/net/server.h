// A server that does exactly what a test's script says, on the test's own event loop; and ways to run that
// loop.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "certificates.h"

namespace redflag::daemon::test {

namespace asio = boost::asio;

/// The server's end of one connection. Its operations throw when the client goes away; that just ends the
/// script.
class Peer {
 public:
  struct Stream;
  explicit Peer(std::unique_ptr<Stream> stream);
  ~Peer();

  /// One request, head and body (Content-Length), as it came.
  asio::awaitable<std::string> read_request();
  /// `text` is copied.
  asio::awaitable<void> write(std::string text);
  /// Answers CONNECT's next bytes with TLS, as the host behind a proxy would.
  asio::awaitable<void> start_tls(Identity identity);
  /// Reads until the client closes.
  asio::awaitable<void> wait_for_close();

  int number = 0;  ///< 1 for the first connection of the server

 private:
  std::unique_ptr<Stream> stream_;
  std::string buffered_;
};

using Script = std::function<asio::awaitable<void>(Peer& peer)>;

/// Accepts on loopback and runs the script for each connection; closes the connection when the script ends.
class Server {
 public:
  Server(asio::io_context& io, Script script, std::optional<Identity> tls = {},
         const std::string& address = "127.0.0.1");
  ~Server();

  std::uint16_t port() const;
  std::string url(const std::string& path = "/", const std::string& host = "127.0.0.1") const;
  int connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Runs the loop until `work` has ended, and gives what it returned.
template <typename T>
T run(asio::io_context& io, asio::awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    result = std::move(value);
    done = true;
  });
  io.restart();
  while (!done) {
    if (io.run_one() == 0) {
      throw std::logic_error("the loop ran out of work before the test's coroutine ended");
    }
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  return std::move(*result);
}

/// "HTTP/1.1 200 OK" with Content-Length, the headers given (each with its line end) and the body.
std::string ok(std::string_view body, std::string_view headers = {});

std::string gzip(std::string_view data);

}  // namespace redflag::daemon::test
