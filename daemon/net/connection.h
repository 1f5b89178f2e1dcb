// One TCP connection, with or without TLS on it. Every operation returns its error code; nothing here throws
// except when the coroutine itself is cancelled between two operations.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

class Connection {
 public:
  explicit Connection(asio::any_io_executor executor);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Error timed_out after `limit`. May be called again after a failure, unless close() was called from
  /// outside meanwhile.
  asio::awaitable<boost::system::error_code> connect(asio::ip::tcp::endpoint endpoint, Duration limit);
  /// TLS on what is connected; the certificate must be for `host`. `context` must outlive the connection.
  asio::awaitable<boost::system::error_code> start_tls(asio::ssl::context& context, const std::string& host);
  /// SSL_get_verify_result after start_tls failed: X509_V_OK when the certificate was not the reason.
  long verify_result() const;

  /// Writes all of both.
  asio::awaitable<boost::system::error_code> write(std::string_view head, std::string_view body);
  /// At least one byte, or an error.
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer, boost::system::error_code& error);

  /// Ends whatever is under way with operation_aborted; for good.
  void close();
  bool closed() const { return closed_; }

  /// False when the other side has closed an idle connection, or has sent what nobody asked for. A look, no
  /// waiting; the truth may change right after.
  bool looks_usable();

 private:
  struct Tls;
  asio::ip::tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
  bool closed_ = false;
};

}  // namespace redflag::daemon
