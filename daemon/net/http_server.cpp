// One coroutine accepts, one per connection answers. No exception leaves either: a client can end its own
// connection, nothing more.
#include "daemon/net/http_server.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <list>
#include <type_traits>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "daemon/net/unix_socket.h"

namespace redflag::daemon {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

bool header_is_clean(const HttpHeader& header) {
  const auto bad = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  return !header.name.empty() && std::none_of(header.name.begin(), header.name.end(), bad) &&
         std::none_of(header.value.begin(), header.value.end(), bad);
}

std::string head_of(const ServerResponse& response, bool keep_alive) {
  const std::string_view reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason);
  for (const HttpHeader& header : response.headers) {
    if (header_is_clean(header)) head += header.name + ": " + header.value + "\r\n";
  }
  const bool may_have_body = response.status >= 200 && response.status != 204 && response.status != 304;
  if (response.stream) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (may_have_body) {
    head += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

ServerRequest to_request(const http::request<http::string_body>& message) {
  ServerRequest request;
  request.method = std::string{message.method_string()};
  request.target = std::string{message.target()};
  for (const auto& field : message) {
    request.headers.push_back({std::string{field.name_string()}, std::string{field.value()}});
  }
  request.body = message.body();
  return request;
}

ServerResponse plain(int status, std::string_view what) {
  ServerResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
  response.body = std::string(what) + '\n';
  return response;
}

struct Words {
  int status;
  std::string_view what;
};

/// What to say to a request that cannot be read; nullopt when the connection is simply over.
std::optional<Words> complaint(const error_code& error) {
  if (error == http::error::body_limit) return Words{413, "the body is too large"};
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return Words{431, "the headers are too large"};
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == http::make_error_code(http::error::end_of_stream).category())
    return Words{400, "this is not HTTP/1.1"};
  return std::nullopt;
}

template <typename Protocol>
std::optional<SocketPeer> peer_behind(typename Protocol::socket& socket) {
  if constexpr (std::is_same_v<Protocol, asio::local::stream_protocol>)
    return socket_peer(socket.native_handle());
  return std::nullopt;
}

}  // namespace

std::string_view ServerRequest::header(std::string_view name) const {
  for (const HttpHeader& each : headers) {
    if (beast::iequals(each.name, name)) return each.value;
  }
  return {};
}

std::string_view ServerRequest::path() const {
  const std::string_view all = target;
  return all.substr(0, all.find('?'));
}

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  struct Task {
    asio::cancellation_signal cancel;
    std::function<void()> close;
  };
  using Tasks = std::list<std::shared_ptr<Task>>;

  State(asio::any_io_executor on, Clock& time, Handler answer, HttpServerLimits bounds)
      : executor(std::move(on)), clock(time), handler(std::move(answer)), limits(bounds) {}

  asio::any_io_executor executor;
  Clock& clock;
  Handler handler;
  HttpServerLimits limits;
  Complaint complain = plain;
  std::vector<SocketFile> socket_files;
  Tasks listeners;
  Tasks connections;
  bool stopped = false;

  /// Runs a coroutine that `stop` can end, and forgets it when it is over, however it ended.
  template <typename MakeCoroutine>
  void start(Tasks State::*where, std::function<void()> close, MakeCoroutine make) {
    auto task = std::make_shared<Task>();
    task->close = std::move(close);
    (this->*where).push_back(task);
    asio::co_spawn(executor, make(),
                   asio::bind_cancellation_slot(
                       task->cancel.slot(), [self = shared_from_this(), task, where](
                                                const std::exception_ptr&) { (*self.*where).remove(task); }));
  }

  void stop() {
    stopped = true;
    socket_files.clear();
    for (Tasks State::*where : {&State::listeners, &State::connections}) {
      const Tasks tasks = this->*where;  // a task that ends takes itself off the list
      for (const auto& task : tasks) {
        task->close();
        task->cancel.emit(asio::cancellation_type::terminal);
      }
    }
  }

  template <typename Protocol>
  asio::awaitable<void> accept_on(std::shared_ptr<typename Protocol::acceptor> acceptor) {
    while (!stopped) {
      error_code error;
      typename Protocol::socket socket =
          co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (stopped || error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
        co_return;
      if (error) {  // out of descriptors, most likely: let some connections end
        co_await clock.sleep(std::chrono::milliseconds{100});
        continue;
      }
      if (connections.size() >= limits.max_connections) continue;
      if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
        // Head and body are two writes: the second must not wait for the other side's delayed
        // acknowledgement.
        socket.set_option(asio::ip::tcp::no_delay(true), error);
      }
      using Stream = beast::basic_stream<Protocol>;
      const std::optional<SocketPeer> peer = peer_behind<Protocol>(socket);
      auto stream = std::make_shared<Stream>(std::move(socket));
      start(
          &State::connections, [stream] { stream->close(); },
          [self = this->shared_from_this(), stream, peer] { return serve<Stream>(self, stream, peer); });
    }
  }

  template <typename Stream>
  static asio::awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<Stream> stream,
                                     std::optional<SocketPeer> peer) {
    beast::flat_buffer buffer{state->limits.max_header_bytes + (std::size_t{64} << 10)};
    bool keep_alive = true;
    while (keep_alive && !state->stopped) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(state->limits.max_header_bytes));
      parser.body_limit(state->limits.max_body_bytes);
      error_code error = co_await read(*state, *stream, buffer, parser);
      ServerResponse response;
      bool head_only = false;
      if (error) {
        const auto words = complaint(error);
        if (!words) break;
        response = state->complain(words->status, words->what);
        keep_alive = false;
      } else {
        keep_alive = parser.get().keep_alive();
        head_only = parser.get().method() == http::verb::head;
        ServerRequest request = to_request(parser.get());
        if (peer) {
          request.peer_uid = peer->uid;
          request.peer_pid = peer->pid;
        }
        response = co_await ask(*state, std::move(request));
      }
      if (response.delay > Duration::zero()) co_await state->clock.sleep(response.delay);
      if (!response.dropped.empty()) break;
      if (response.stream && !head_only) {
        co_await write_stream(*state, stream, response);
        break;
      }
      if (response.cut_after && *response.cut_after < response.body.size()) keep_alive = false;
      if (!co_await write(*state, *stream, response, keep_alive, head_only)) break;
    }
    error_code ignored;
    stream->socket().shutdown(Stream::socket_type::shutdown_both, ignored);
    stream->close();
  }

  template <typename Stream, typename Parser>
  static asio::awaitable<error_code> read(State& state, Stream& stream, beast::flat_buffer& buffer,
                                          Parser& parser) {
    error_code error;
    stream.expires_after(state.limits.idle_timeout);
    co_await http::async_read_header(stream, buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream, asio::buffer(go_on),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return error;
    }
    stream.expires_after(state.limits.idle_timeout);
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  static asio::awaitable<ServerResponse> ask(State& state, ServerRequest request) {
    bool failed = false;
    ServerResponse response;
    try {
      response = co_await state.handler(std::move(request));
    } catch (const std::exception&) {
      failed = true;
    }
    if (failed) response = state.complain(500, "internal error");
    co_return response;
  }

  /// A client of a stream has nothing more to say: what can be read from now on is its end. Ends with the
  /// socket, which the connection's task closes.
  template <typename Stream>
  static void watch_for_end(std::shared_ptr<Stream> stream, std::shared_ptr<ResponseStream> source) {
    auto& socket = stream->socket();
    socket.async_wait(Stream::socket_type::wait_read, [&socket, stream, source](const error_code& error) {
      char byte = 0;
      // Readiness may be the echo of what was read before.
      const bool still_there = !error && socket.is_open() &&
                               ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
                               (errno == EAGAIN || errno == EINTR);
      if (still_there) return watch_for_end(stream, source);
      source->close();
    });
  }

  /// Ends when the stream does, when the client goes, or when it takes too long to take a piece.
  template <typename Stream>
  static asio::awaitable<void> write_stream(State& state, std::shared_ptr<Stream> stream,
                                            const ServerResponse& response) {
    error_code error;
    stream->socket().set_option(asio::socket_base::send_buffer_size(state.limits.stream_buffer_bytes), error);
    watch_for_end(stream, response.stream);
    std::string piece = head_of(response, false);
    for (;;) {
      stream->expires_after(state.limits.stream_timeout);
      co_await asio::async_write(*stream, asio::buffer(piece),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      std::string next = co_await response.stream->next();
      const bool last = next.empty();
      piece = last ? std::string("0\r\n\r\n") : fmt::format("{:x}\r\n{}\r\n", next.size(), next);
      if (!last) continue;
      stream->expires_after(state.limits.stream_timeout);
      co_await asio::async_write(*stream, asio::buffer(piece),
                                 asio::redirect_error(asio::use_awaitable, error));
      break;
    }
    response.stream->close();
  }

  template <typename Stream>
  static asio::awaitable<bool> write(State& state, Stream& stream, const ServerResponse& response,
                                     bool keep_alive, bool head_only) {
    error_code error;
    const std::string head = head_of(response, keep_alive);
    stream.expires_after(state.limits.idle_timeout);
    co_await asio::async_write(stream, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    if (head_only || response.status < 200 || response.status == 204 || response.status == 304)
      co_return true;
    const std::size_t end = std::min(response.body.size(), response.cut_after.value_or(response.body.size()));
    const std::size_t piece = response.drip > Duration::zero() ? kDripBytes : std::size_t{256} << 10;
    for (std::size_t at = 0; at < end; at += piece) {
      if (at > 0 && response.drip > Duration::zero()) co_await state.clock.sleep(response.drip);
      const std::size_t size = std::min(piece, end - at);
      stream.expires_after(state.limits.idle_timeout);
      co_await asio::async_write(stream, asio::buffer(response.body.data() + at, size),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
    }
    co_return end == response.body.size();
  }
};

HttpServer::HttpServer(asio::any_io_executor executor, Clock& clock, Handler handler, HttpServerLimits limits)
    : state_(std::make_shared<State>(std::move(executor), clock, std::move(handler), limits)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::uint16_t> HttpServer::listen(const std::string& address, std::uint16_t port) {
  using asio::ip::tcp;
  const std::string doing = fmt::format("listening on {} port {}", address, port);
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) {
    return fail(ErrorCode::invalid_input, doing, "this is not an IP address",
                "use 127.0.0.1 for this machine only");
  }
  const tcp::endpoint endpoint{ip, port};
  auto acceptor = std::make_shared<tcp::acceptor>(state_->executor);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::conflict, doing, "the port is in use",
                "choose another port, or 0 for any free one");
  }
  if (error) return fail(ErrorCode::unavailable, doing, error.message());
  const std::uint16_t bound = acceptor->local_endpoint(error).port();
  if (error) return fail(ErrorCode::unavailable, doing, error.message());
  const auto close = [acceptor] {
    error_code ignored;
    acceptor->close(ignored);
  };
  state_->start(&State::listeners, close,
                [state = state_, acceptor] { return state->accept_on<tcp>(acceptor); });
  return bound;
}

Result<void> HttpServer::listen_unix(const std::string& path, mode_t mode, const std::string& group) {
  using Unix = asio::local::stream_protocol;
  Result<UnixListener> listener = daemon::listen_unix(state_->executor, path, mode, group);
  if (!listener) return tl::unexpected<Error>(std::move(listener.error()));
  auto acceptor = std::make_shared<Unix::acceptor>(std::move(listener->acceptor));
  state_->socket_files.push_back(std::move(listener->file));
  const auto close = [acceptor] {
    error_code ignored;
    acceptor->close(ignored);
  };
  state_->start(&State::listeners, close,
                [state = state_, acceptor] { return state->accept_on<Unix>(acceptor); });
  return {};
}

void HttpServer::set_complaint(Complaint complaint) {
  state_->complain = std::move(complaint);
}

void HttpServer::stop() {
  state_->stop();
}

std::size_t HttpServer::open_connections() const {
  return state_->connections.size();
}

}  // namespace redflag::daemon
