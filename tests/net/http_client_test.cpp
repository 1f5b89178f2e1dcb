// Plain exchanges: what goes out, what comes back, and connections that are kept.
#include "daemon/net/http_client.h"

#include <boost/asio/buffer.hpp>

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
  request.timeout = 20s;
  return request;
}

/// Answers every request on every connection with `answer`.
Script always(std::string answer) {
  return [answer](Peer& peer) -> asio::awaitable<void> {
    for (;;) {
      co_await peer.read_request();
      co_await peer.write(answer);
    }
  };
}

}  // namespace

TEST_CASE("A GET arrives as HTTP/1.1 wants it and its answer comes back whole", "[net][http]") {
  asio::io_context io;
  std::string seen;
  Server server(io, [&](Peer& peer) -> asio::awaitable<void> {
    seen = co_await peer.read_request();
    co_await peer.write("HTTP/1.1 404 Not Found\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 5\r\n\r\nhello");
  });
  HttpClient client(io.get_executor());
  HttpRequest request = get(server.url("/path?q=1"));
  request.headers = {{"Authorization", "Basic abc"}};
  const auto response = run(io, client.send(request));
  REQUIRE(response);
  CHECK(response->status == 404);
  CHECK(response->body == "hello");
  CHECK(response->header("X-ONE") == "1");
  CHECK(response->header("absent").empty());
  CHECK_THAT(seen, ContainsSubstring("GET /path?q=1 HTTP/1.1\r\n"));
  CHECK_THAT(seen, ContainsSubstring("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  CHECK_THAT(seen, ContainsSubstring("Authorization: Basic abc\r\n"));
  CHECK_THAT(seen, ContainsSubstring("Accept-Encoding: gzip\r\n"));
  CHECK(seen.find("Content-Length") == std::string::npos);
}

TEST_CASE("A POST carries its body, an empty one too", "[net][http]") {
  asio::io_context io;
  std::vector<std::string> seen;
  Server server(io, [&](Peer& peer) -> asio::awaitable<void> {
    for (;;) {
      seen.push_back(co_await peer.read_request());
      co_await peer.write(ok("ok"));
    }
  });
  HttpClient client(io.get_executor());
  HttpRequest request = get(server.url());
  request.method = "POST";
  request.body = std::string(300'000, 'x');
  REQUIRE(run(io, client.send(request)));
  request.body.clear();
  REQUIRE(run(io, client.send(request)));
  CHECK_THAT(seen[0], ContainsSubstring("Content-Length: 300000\r\n") && ContainsSubstring("\r\n\r\nxxx"));
  CHECK_THAT(seen[1], ContainsSubstring("Content-Length: 0\r\n"));
}

TEST_CASE("A connection is kept and used again", "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, always(ok("ok")));
  HttpClient client(io.get_executor());
  for (int i = 0; i < 5; ++i) {
    REQUIRE(run(io, client.send(get(server.url()))).value().body == "ok");
    CHECK(client.idle_connections() == 1);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("A connection is not kept when the server says so", "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, always(ok("ok", "Connection: close\r\n")));
  HttpClient client(io.get_executor());
  REQUIRE(run(io, client.send(get(server.url()))));
  CHECK(client.idle_connections() == 0);
}

TEST_CASE("Bytes after an answer are not taken for the next answer", "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, always(ok("good") + ok("smuggled")));
  HttpClient client(io.get_executor());
  REQUIRE(run(io, client.send(get(server.url()))).value().body == "good");
  CHECK(client.idle_connections() == 0);
  REQUIRE(run(io, client.send(get(server.url()))).value().body == "good");
}

TEST_CASE("An idle connection is closed after its time, and the loop may end", "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, always(ok("ok")));
  HttpClientSettings settings;
  settings.idle_timeout = 30ms;
  HttpClient client(io.get_executor(), settings);
  REQUIRE(run(io, client.send(get(server.url()))));
  CHECK(client.idle_connections() == 1);
  while (client.idle_connections() == 1) {
    REQUIRE(io.run_one() == 1);
  }
}

TEST_CASE("A kept connection that the server closes just as it is used again is replaced",
          "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> {
    co_await peer.read_request();
    co_await peer.write(ok(peer.number == 1 ? "first" : "second"));
    co_await peer.read_request();  // and closes without a word
  });
  HttpClient client(io.get_executor());
  CHECK(run(io, client.send(get(server.url()))).value().body == "first");
  CHECK(run(io, client.send(get(server.url()))).value().body == "second");
  CHECK(server.connections() == 2);
}

TEST_CASE("A kept connection that has been closed meanwhile is not used again", "[net][http][keep-alive]") {
  asio::io_context io;
  int requests = 0;
  Server server(io, [&](Peer& peer) -> asio::awaitable<void> {
    co_await peer.read_request();
    ++requests;
    co_await peer.write(ok("ok"));
  });
  HttpClient client(io.get_executor());
  REQUIRE(run(io, client.send(get(server.url()))));
  io.poll();
  REQUIRE(run(io, client.send(get(server.url()))));
  CHECK(requests == 2);
  CHECK(server.connections() == 2);
}

TEST_CASE("A request on a new connection is never sent twice", "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> { co_await peer.read_request(); });
  HttpClient client(io.get_executor());
  const auto response = run(io, client.send(get(server.url("/T0/SECRET"))));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::unavailable);
  CHECK(response.error().retryable);
  CHECK(response.error().doing == "W&B test");
  CHECK(response.error().text().find("SECRET") == std::string::npos);
  CHECK(server.connections() == 1);
}

TEST_CASE("A half-sent answer is not asked for again, not even on a kept connection",
          "[net][http][keep-alive]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> {
    co_await peer.read_request();
    co_await peer.write(ok("ok"));
    co_await peer.read_request();
    co_await peer.write("HTTP/1.1 200");
  });
  HttpClient client(io.get_executor());
  REQUIRE(run(io, client.send(get(server.url()))));
  CHECK(run(io, client.send(get(server.url()))).error().code == ErrorCode::unavailable);
  CHECK(server.connections() == 1);
}

TEST_CASE("A chunked answer, one without length, and one after interim answers are read", "[net][http]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.find("/chunked") != std::string::npos) {
        co_await peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r");
        co_await peer.write("\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n");
      } else if (request.find("/interim") != std::string::npos) {
        co_await peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
                            ok("after"));
      } else if (request.find("/none") != std::string::npos) {
        co_await peer.write("HTTP/1.1 204 No Content\r\n\r\n");
      } else {
        co_await peer.write("HTTP/1.0 200 OK\r\n\r\nuntil the end");
        co_return;
      }
    }
  });
  HttpClient client(io.get_executor());
  CHECK(run(io, client.send(get(server.url("/chunked")))).value().body == "hello world");
  CHECK(run(io, client.send(get(server.url("/interim")))).value().body == "after");
  CHECK(run(io, client.send(get(server.url("/none")))).value().status == 204);
  CHECK(run(io, client.send(get(server.url("/chunked")))).value().body == "hello world");
  CHECK(server.connections() == 1);
  CHECK(run(io, client.send(get(server.url("/old")))).value().body == "until the end");
}

TEST_CASE("The answer to HEAD has a length but no body", "[net][http]") {
  asio::io_context io;
  Server server(io, always("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  HttpClient client(io.get_executor());
  HttpRequest request = get(server.url());
  request.method = "HEAD";
  CHECK(run(io, client.send(request)).value().header("content-length") == "1000");
}

TEST_CASE("A redirect is an answer like any other", "[net][http]") {
  asio::io_context io;
  Server server(io, always("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"));
  HttpClient client(io.get_executor());
  const auto response = run(io, client.send(get(server.url())));
  REQUIRE(response);
  CHECK(response->status == 302);
  CHECK(response->header("Location") == "http://elsewhere/");
}

TEST_CASE("Every address of a host is tried in turn", "[net][http]") {
  asio::io_context io;
  Server server(io, always(ok("ok")));
  HttpClientSettings settings;
  settings.resolver.lookup = [](const std::string&) {
    return LookupAnswer{0, {asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.1")}};
  };
  HttpClient client(io.get_executor(), settings);
  const auto response = run(io, client.send(get(server.url("/", "api.test"))));
  REQUIRE(response);
  CHECK(response->body == "ok");
}

TEST_CASE("A server on an IPv6 address is reached by its literal", "[net][http]") {
  asio::io_context io;
  std::optional<Server> server;
  std::string seen;
  try {
    server.emplace(
        io,
        [&](Peer& peer) -> asio::awaitable<void> {
          seen = co_await peer.read_request();
          co_await peer.write(ok("six"));
        },
        std::nullopt, "::1");
  } catch (const boost::system::system_error&) {
    WARN("this machine has no IPv6 loopback; nothing to test");
    return;
  }
  HttpClient client(io.get_executor());
  CHECK(run(io, client.send(get(server->url("/", "[::1]")))).value().body == "six");
  CHECK_THAT(seen, ContainsSubstring("Host: [::1]:"));
}

TEST_CASE("A port where nobody listens is said with host and port, and without the URL", "[net][http]") {
  asio::io_context io;
  std::string url;
  {
    const Server gone(io, always(""));
    url = gone.url("/services/SECRET");
  }
  io.poll();
  HttpClient client(io.get_executor());
  const auto response = run(io, client.send(get(url)));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::unavailable);
  CHECK(response.error().retryable);
  CHECK_THAT(response.error().text(), ContainsSubstring("127.0.0.1:"));
  CHECK(response.error().text().find("SECRET") == std::string::npos);
  CHECK_FALSE(response.error().advice.empty());
}

TEST_CASE("Headers that would break the framing are refused, and their values kept secret", "[net][http]") {
  asio::io_context io;
  HttpClient client(io.get_executor());
  for (const HttpHeader& bad :
       {HttpHeader{"Authorization", "SECRET\r\nX: y"},
        HttpHeader{"Authorization", std::string("SECRET\0", 7)}, HttpHeader{"Bad name", "SECRET"},
        HttpHeader{"", "SECRET"}, HttpHeader{"content-length", "5"},
        HttpHeader{"Transfer-Encoding", "chunked"}, HttpHeader{"Host", "SECRET"}}) {
    HttpRequest request = get("http://127.0.0.1:1/");
    request.headers = {bad};
    const auto response = run(io, client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == ErrorCode::invalid_input);
    CHECK(response.error().text().find("SECRET") == std::string::npos);
  }
  HttpRequest request = get("http://127.0.0.1:1/");
  request.method = "GET / HTTP/1.1\r\nX:";
  CHECK(run(io, client.send(request)).error().code == ErrorCode::invalid_input);
  CHECK(run(io, client.send(get("wandb.ai"))).error().code == ErrorCode::invalid_input);
}
