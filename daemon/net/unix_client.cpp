// The connect is the system's blocking one: on a unix socket it is over at once but for a listener whose
// queue is full, and SO_SNDTIMEO bounds that. The exchange runs on a loop of its own, under Beast's timer.
#include "daemon/net/unix_client.h"

#include <cerrno>
#include <cstring>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/net/unix_socket.h"

namespace redflag::daemon {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
      return ErrorCode::denied;
    case EAGAIN:
      return ErrorCode::timed_out;
    default:
      return ErrorCode::unavailable;
  }
}

ErrorCode code_of(const error_code& error) {
  if (error == beast::error::timeout) return ErrorCode::timed_out;
  if (error == http::error::body_limit || error == http::error::header_limit) return ErrorCode::too_large;
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return ErrorCode::unavailable;
  if (error.category() == http::make_error_code(http::error::end_of_stream).category())
    return ErrorCode::malformed;
  return ErrorCode::unavailable;
}

/// A connected descriptor.
Result<int> connect_to(const UnixRequest& request, const std::string& doing) {
  if (request.socket.empty() || request.socket.size() > kMaxUnixPath) {
    return fail(
        ErrorCode::invalid_input, doing,
        fmt::format("a socket's path has 1 to {} bytes, this one {}", kMaxUnixPath, request.socket.size()));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  request.socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(ErrorCode::unavailable, doing, std::strerror(errno));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(request.timeout);
  const timeval limit{whole.count(), (request.timeout - whole).count()};
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int number = errno;
    ::close(descriptor);
    return fail(code_of(number), doing, std::strerror(number));
  }
  return descriptor;
}

asio::awaitable<error_code> exchange(Stream& stream, const UnixRequest& request,
                                     http::response_parser<http::string_body>& parser) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  message.set(http::field::host, "redflag");
  message.keep_alive(false);
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = request.body;
  message.prepare_payload();
  error_code error;
  stream.expires_after(request.timeout);
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, error));
  // A server that refuses what it has not read to its end (too large) has answered all the same.
  if (error && error != asio::error::broken_pipe) co_return error;
  beast::flat_buffer buffer;
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

}  // namespace

Result<HttpResponse> ask_unix(const UnixRequest& request) {
  const std::string doing = fmt::format("asking redflagd at {}", request.socket);
  const Result<int> descriptor = connect_to(request, doing);
  if (!descriptor) return tl::unexpected<Error>(descriptor.error());
  asio::io_context context{1};
  http::response_parser<http::string_body> parser;
  parser.body_limit(request.max_response_bytes);
  error_code error;
  try {
    Stream stream(asio::local::stream_protocol::socket(context, asio::local::stream_protocol(), *descriptor));
    asio::co_spawn(
        context, [&]() -> asio::awaitable<void> { error = co_await exchange(stream, request, parser); },
        [](const std::exception_ptr& thrown) {
          if (thrown) std::rethrow_exception(thrown);
        });
    context.run();
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::unavailable, doing, thrown.what());
  }
  if (error) {
    const bool silent = error == http::error::end_of_stream;
    return fail(code_of(error), doing,
                error == beast::error::timeout
                    ? fmt::format("no answer within {}", human_duration(request.timeout))
                : silent ? "it closed the connection without an answer"
                         : error.message());
  }
  HttpResponse response;
  response.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get())
    response.headers.push_back({std::string{field.name_string()}, std::string{field.value()}});
  response.body = std::move(parser.get().body());
  return response;
}

}  // namespace redflag::daemon
