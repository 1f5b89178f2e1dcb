// Requests that go through an HTTP proxy.
#include "daemon/net/proxy.h"

#include "daemon/net/http_client.h"
#include "server.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace std::chrono_literals;

namespace {

HttpClientSettings through(const Server& proxy, std::string credentials = {}, std::string ca_file = {}) {
  HttpClientSettings settings;
  settings.ca_file = std::move(ca_file);
  settings.proxy_for = [port = proxy.port(), credentials](const Url&) {
    return std::optional<Proxy>(Proxy{"127.0.0.1", port, credentials});
  };
  return settings;
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.label = "W&B test";
  return request;
}

}  // namespace

TEST_CASE("Plain http goes to a proxy in the absolute form, all hosts over one connection", "[net][proxy]") {
  asio::io_context io;
  std::vector<std::string> seen;
  Server proxy(io, [&](Peer& peer) -> asio::awaitable<void> {
    for (;;) {
      seen.push_back(co_await peer.read_request());
      co_await peer.write(ok("via proxy"));
    }
  });
  HttpClient client(io.get_executor(), through(proxy, "user:pass word"));
  CHECK(run(io, client.send(get("http://one.test/a?b"))).value().body == "via proxy");
  CHECK(run(io, client.send(get("http://two.test:8080/"))).value().body == "via proxy");
  CHECK_THAT(seen[0], ContainsSubstring("GET http://one.test/a?b HTTP/1.1\r\nHost: one.test\r\n"));
  CHECK_THAT(seen[0], ContainsSubstring("Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n"));
  CHECK_THAT(seen[1], ContainsSubstring("GET http://two.test:8080/ HTTP/1.1\r\nHost: two.test:8080\r\n"));
  CHECK(proxy.connections() == 1);
}

TEST_CASE("https goes through a tunnel that is kept, and the proxy sees neither path nor headers",
          "[net][proxy]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  const Identity identity = authority.issue("DNS:api.test");
  asio::io_context io;
  std::string connect;
  std::vector<std::string> inside;
  Server proxy(io, [&](Peer& peer) -> asio::awaitable<void> {
    connect = co_await peer.read_request();
    co_await peer.write(
        "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n");  // its length means nothing here
    co_await peer.start_tls(identity);
    for (;;) {
      inside.push_back(co_await peer.read_request());
      co_await peer.write(ok("through the tunnel"));
    }
  });
  HttpClient client(io.get_executor(), through(proxy, "user:password", ca.path()));
  HttpRequest request = get("https://api.test/graphql");
  request.headers = {{"Authorization", "Basic key"}};
  for (int i = 0; i < 2; ++i) {
    const auto response = run(io, client.send(request));
    REQUIRE(response);
    CHECK(response->body == "through the tunnel");
  }
  CHECK_THAT(connect, ContainsSubstring("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n"));
  CHECK_THAT(connect, ContainsSubstring("Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA=="));
  CHECK(connect.find("graphql") == std::string::npos);
  CHECK(connect.find("key") == std::string::npos);
  REQUIRE(inside.size() == 2);
  CHECK_THAT(inside[0], ContainsSubstring("GET /graphql HTTP/1.1\r\n"));
  CHECK(inside[0].find("Proxy-Authorization") == std::string::npos);
  CHECK(proxy.connections() == 1);
}

TEST_CASE("A proxy that refuses, wants a login, or talks nonsense is named in the error", "[net][proxy]") {
  for (const auto& [answer, code] :
       {std::pair{"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", ErrorCode::unavailable},
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ErrorCode::denied},
        {"nonsense\r\n\r\n", ErrorCode::malformed},
        {"", ErrorCode::unavailable}}) {
    CAPTURE(answer);
    asio::io_context io;
    Server proxy(io, [text = std::string(answer)](Peer& peer) -> asio::awaitable<void> {
      co_await peer.read_request();
      co_await peer.write(text);
    });
    HttpClient client(io.get_executor(), through(proxy, "user:SECRET"));
    const auto response = run(io, client.send(get("https://api.test/")));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == code);
    CHECK_THAT(response.error().text(), ContainsSubstring("proxy 127.0.0.1:"));
    CHECK(response.error().text().find("SECRET") == std::string::npos);
  }
}

TEST_CASE("A proxy where nobody listens is told from a server where nobody listens", "[net][proxy]") {
  asio::io_context io;
  HttpClientSettings settings;
  {
    const Server gone(io, [](Peer&) -> asio::awaitable<void> { co_return; });
    settings = through(gone);
  }
  io.poll();
  HttpClient client(io.get_executor(), settings);
  CHECK_THAT(run(io, client.send(get("https://api.test/"))).error().text(), ContainsSubstring("the proxy"));
}

TEST_CASE("Without a proxy for a URL the connection is direct", "[net][proxy]") {
  asio::io_context io;
  Server server(io, [](Peer& peer) -> asio::awaitable<void> {
    co_await peer.read_request();
    co_await peer.write(ok("direct"));
  });
  HttpClientSettings settings;
  std::string asked;
  settings.proxy_for = [&](const Url& url) {
    asked = url.origin();
    return std::optional<Proxy>();
  };
  HttpClient client(io.get_executor(), settings);
  CHECK(run(io, client.send(get(server.url("/SECRET")))).value().body == "direct");
  CHECK(asked == "http://127.0.0.1:" + std::to_string(server.port()));
}
