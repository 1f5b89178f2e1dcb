// The only file that instantiates Asio's sockets and TLS streams: they are slow to compile.
#include "daemon/net/connection.h"

#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "daemon/net/tls.h"

namespace redflag::daemon {

using boost::system::error_code;

struct Connection::Tls {
  Tls(asio::ip::tcp::socket& socket, asio::ssl::context& context) : stream(socket, context) {}
  asio::ssl::stream<asio::ip::tcp::socket&> stream;
};

Connection::Connection(asio::any_io_executor executor) : socket_(std::move(executor)) {}

Connection::~Connection() = default;

asio::awaitable<error_code> Connection::connect(asio::ip::tcp::endpoint endpoint, Duration limit) {
  error_code error;
  if (closed_) {
    co_return asio::error::operation_aborted;
  }
  socket_.close(error);
  socket_.open(endpoint.protocol(), error);
  if (error) {
    co_return error;
  }
  enum class Attempt { running, ended, too_slow };
  // Shared with the timer's handler, which may already be queued when the attempt ends.
  const auto attempt = std::make_shared<Attempt>(Attempt::running);
  asio::steady_timer timer(socket_.get_executor(), limit);
  timer.async_wait([this, attempt](error_code cancelled) {
    if (!cancelled && *attempt == Attempt::running) {
      *attempt = Attempt::too_slow;
      error_code ignored;
      socket_.close(ignored);
    }
  });
  // A coroutine that is destroyed in mid-connect must disarm the handler too: it names `this`.
  struct Disarm {
    Attempt& attempt;
    ~Disarm() { attempt = attempt == Attempt::running ? Attempt::ended : attempt; }
  } disarm{*attempt};

  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (*attempt == Attempt::too_slow) {
    co_return asio::error::timed_out;
  }
  if (!error) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  co_return error;
}

asio::awaitable<error_code> Connection::start_tls(asio::ssl::context& context, const std::string& host) {
  error_code error;
  try {
    tls_ = std::make_unique<Tls>(socket_, context);
  } catch (const boost::system::system_error& failure) {
    error = failure.code();
  }
  if (!error && !expect_host(tls_->stream.native_handle(), host)) {
    error = asio::error::invalid_argument;
  }
  if (!error) {
    co_await tls_->stream.async_handshake(asio::ssl::stream_base::client,
                                          asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

long Connection::verify_result() const {
  return tls_ ? SSL_get_verify_result(tls_->stream.native_handle()) : X509_V_OK;
}

asio::awaitable<error_code> Connection::write(std::string_view head, std::string_view body) {
  error_code error;
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head.data(), head.size()),
                                                     asio::buffer(body.data(), body.size())};
  if (tls_) {
    co_await asio::async_write(tls_->stream, buffers, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

asio::awaitable<std::size_t> Connection::read_some(asio::mutable_buffer buffer, error_code& error) {
  std::size_t count = 0;
  if (tls_) {
    count = co_await tls_->stream.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  } else {
    count = co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return count;
}

void Connection::close() {
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
}

bool Connection::looks_usable() {
  if (closed_ || !socket_.is_open()) {
    return false;
  }
  char byte = 0;
  const ssize_t count = recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  }
  // TLS may have sent session tickets, which are not for us. In plain HTTP, bytes that nobody asked for would
  // be taken for the next answer.
  return count > 0 && tls_ != nullptr;
}

}  // namespace redflag::daemon
