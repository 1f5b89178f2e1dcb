// Raw sockets: what a test sends is exactly what it wrote, however wrong.
#include "server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <zlib.h>

namespace redflag::daemon::test {

using asio::ip::tcp;

struct Peer::Stream {
  explicit Stream(tcp::socket the_socket) : socket(std::move(the_socket)) {}
  tcp::socket socket;
  std::optional<asio::ssl::context> context;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
};

Peer::Peer(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
Peer::~Peer() = default;

asio::awaitable<void> Peer::start_tls(Identity identity) {
  stream_->context.emplace(asio::ssl::context::tls_server);
  stream_->context->use_certificate_chain(asio::buffer(identity.certificate));
  stream_->context->use_private_key(asio::buffer(identity.key), asio::ssl::context::pem);
  stream_->tls.emplace(stream_->socket, *stream_->context);
  co_await stream_->tls->async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
}

asio::awaitable<std::string> Peer::read_request() {
  std::size_t whole = std::string::npos;
  for (;;) {
    const std::size_t head = buffered_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const std::size_t length = buffered_.find("Content-Length: ");
      whole = head + 4 + (length < head ? std::stoul(buffered_.substr(length + 16)) : 0);
    }
    if (buffered_.size() >= whole) {
      std::string request = buffered_.substr(0, whole);
      buffered_.erase(0, whole);
      co_return request;
    }
    char piece[4096];
    std::size_t count = 0;
    if (stream_->tls) {
      count = co_await stream_->tls->async_read_some(asio::buffer(piece), asio::use_awaitable);
    } else {
      count = co_await stream_->socket.async_read_some(asio::buffer(piece), asio::use_awaitable);
    }
    buffered_.append(piece, count);
  }
}

asio::awaitable<void> Peer::write(std::string text) {
  if (stream_->tls) {
    co_await asio::async_write(*stream_->tls, asio::buffer(text), asio::use_awaitable);
  } else {
    co_await asio::async_write(stream_->socket, asio::buffer(text), asio::use_awaitable);
  }
}

asio::awaitable<void> Peer::wait_for_close() {
  boost::system::error_code error;
  char piece[4096];
  while (!error) {
    co_await stream_->socket.async_read_some(asio::buffer(piece),
                                             asio::redirect_error(asio::use_awaitable, error));
  }
}

struct Server::State {
  State(asio::io_context& io, const std::string& address)
      : acceptor(io, tcp::endpoint(asio::ip::make_address(address), 0)) {}

  tcp::acceptor acceptor;
  Script script;
  std::optional<Identity> tls;
  int connections = 0;

  static asio::awaitable<void> serve(std::shared_ptr<State> state, tcp::socket socket, int number) {
    Peer peer(std::make_unique<Peer::Stream>(std::move(socket)));
    peer.number = number;
    try {
      if (state->tls) {
        co_await peer.start_tls(*state->tls);
      }
      co_await state->script(peer);
    } catch (const boost::system::system_error&) {  // the client went away, as it may
    }
  }

  static asio::awaitable<void> accept(std::shared_ptr<State> state) {
    for (;;) {
      boost::system::error_code error;
      tcp::socket socket(state->acceptor.get_executor());
      co_await state->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        co_return;
      }
      const int number = ++state->connections;
      const auto executor = state->acceptor.get_executor();
      asio::co_spawn(executor, serve(state, std::move(socket), number), asio::detached);
    }
  }
};

Server::Server(asio::io_context& io, Script script, std::optional<Identity> tls, const std::string& address)
    : state_(std::make_shared<State>(io, address)) {
  state_->script = std::move(script);
  state_->tls = std::move(tls);
  asio::co_spawn(io, State::accept(state_), asio::detached);
}

Server::~Server() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
}

std::uint16_t Server::port() const {
  return state_->acceptor.local_endpoint().port();
}

std::string Server::url(const std::string& path, const std::string& host) const {
  return fmt::format("{}://{}:{}{}", state_->tls ? "https" : "http", host, port(), path);
}

int Server::connections() const {
  return state_->connections;
}

std::string ok(std::string_view body, std::string_view headers) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), headers, body);
}

std::string gzip(std::string_view data) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib");
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(data.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace redflag::daemon::test
