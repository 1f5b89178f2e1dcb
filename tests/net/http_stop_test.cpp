// Stopping and cancelling, at every stage of an exchange. Run under the sanitizers these are also tests of
// lifetimes.
#include <future>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/net/http_client.h"
#include "server.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace std::chrono_literals;

namespace {

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.label = "W&B test";
  request.timeout = 1h;
  return request;
}

/// Answers the first request of a connection half, then waits.
asio::awaitable<void> hang(Peer& peer, std::function<void()> then) {
  co_await peer.read_request();
  co_await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  then();
  co_await peer.wait_for_close();
}

}  // namespace

TEST_CASE("Stopping the client ends a request that waits for its answer", "[net][http][stop]") {
  asio::io_context io;
  std::unique_ptr<HttpClient> client;
  Server server(io, [&](Peer& peer) { return hang(peer, [&] { client->stop(); }); });
  client = std::make_unique<HttpClient>(io.get_executor());
  CHECK(run(io, client->send(get(server.url()))).error().code == ErrorCode::cancelled);
  CHECK(run(io, client->send(get(server.url()))).error().code == ErrorCode::cancelled);
}

TEST_CASE("Destroying the client ends its requests too", "[net][http][stop]") {
  asio::io_context io;
  std::unique_ptr<HttpClient> client;
  Server server(io, [&](Peer& peer) { return hang(peer, [&] { client.reset(); }); });
  client = std::make_unique<HttpClient>(io.get_executor());
  CHECK(run(io, client->send(get(server.url()))).error().code == ErrorCode::cancelled);
}

TEST_CASE("Stopping ends a request in the TLS handshake, and one that waits for DNS", "[net][http][stop]") {
  auto hanging = std::make_shared<std::promise<void>>();
  {
    asio::io_context io;
    HttpClientSettings settings;
    settings.resolver.lookup = [wait = hanging->get_future().share()](const std::string&) {
      wait.wait();
      return LookupAnswer{};
    };
    HttpClient client(io.get_executor(), settings);
    Server silent(io, [&](Peer& peer) -> asio::awaitable<void> {
      client.stop();
      co_await peer.wait_for_close();
    });
    ErrorCode dns{};
    asio::co_spawn(io, client.send(get("https://api.test/")),
                   [&](std::exception_ptr, Result<HttpResponse> result) { dns = result.error().code; });
    CHECK(run(io, client.send(get("https://127.0.0.1:" + std::to_string(silent.port())))).error().code ==
          ErrorCode::cancelled);
    io.poll();
    CHECK(dns == ErrorCode::cancelled);
  }
  hanging->set_value();
}

TEST_CASE("A cancelled coroutine's request ends, and its connection with it", "[net][http][stop]") {
  asio::io_context io;
  asio::cancellation_signal signal;
  bool closed = false;
  Server server(io, [&](Peer& peer) -> asio::awaitable<void> {
    co_await hang(peer, [&] { signal.emit(asio::cancellation_type::terminal); });
    closed = true;
  });
  HttpClient client(io.get_executor());
  bool cancelled = false;
  asio::co_spawn(io, client.send(get(server.url())),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](std::exception_ptr thrown, Result<HttpResponse> result) {
                       cancelled = !thrown && !result && result.error().code == ErrorCode::cancelled;
                     }));
  while (!closed) {
    REQUIRE(io.run_one() == 1);
  }
  CHECK(cancelled);
  CHECK(client.idle_connections() == 0);
}

TEST_CASE("After stopping, nothing of the client keeps the loop running", "[net][http][stop]") {
  asio::io_context io;
  HttpClient client(io.get_executor());
  {
    Server server(io, [](Peer& peer) -> asio::awaitable<void> {
      co_await peer.read_request();
      co_await peer.write(ok("ok"));
      co_await peer.wait_for_close();
    });
    REQUIRE(run(io, client.send(get(server.url()))));
  }
  CHECK(client.idle_connections() == 1);
  client.stop();
  CHECK(client.idle_connections() == 0);
  io.restart();
  io.run();  // would not return for 60 s, or ever
}

TEST_CASE("A loop destroyed in mid-request takes the request with it", "[net][http][stop]") {
  const Authority authority;
  const Identity identity = authority.issue("IP:127.0.0.1");
  const TemporaryFile ca(authority.pem());
  for (const bool tls : {false, true}) {
    auto io = std::make_unique<asio::io_context>();
    bool there = false;
    HttpClientSettings settings;
    settings.ca_file = ca.path();
    auto client = std::make_unique<HttpClient>(io->get_executor(), settings);
    Server server(
        *io, [&](Peer& peer) { return hang(peer, [&] { there = true; }); },
        tls ? std::optional<Identity>(identity) : std::nullopt);
    asio::co_spawn(*io, client->send(get(server.url())), asio::detached);
    while (!there) {
      REQUIRE(io->run_one() == 1);
    }
    client.reset();
  }
}

TEST_CASE("Twenty requests at once each get their own answer", "[net][http]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> {
    for (;;) {
      const std::string request = co_await peer.read_request();
      co_await peer.write(ok(request.substr(4, request.find(" HTTP") - 4)));
    }
  });
  HttpClient client(io.get_executor());
  int good = 0;
  int ended = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string path = "/" + std::to_string(i);
    asio::co_spawn(io, client.send(get(server.url(path))),
                   [&, path](std::exception_ptr, Result<HttpResponse> result) {
                     good += result && result->body == path ? 1 : 0;
                     ++ended;
                   });
  }
  while (ended < 20) {
    REQUIRE(io.run_one() == 1);
  }
  CHECK(good == 20);
  CHECK(client.idle_connections() == 8);
}
