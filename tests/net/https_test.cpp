// TLS: whom the client trusts, and what it says of those it does not.
#include <cstdlib>

#include "daemon/net/http_client.h"
#include "server.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> answer_all(Peer& peer) {
  for (;;) {
    co_await peer.read_request();
    co_await peer.write(ok("secure"));
  }
}

HttpClientSettings settings_with(std::string ca_file) {
  HttpClientSettings settings;
  settings.ca_file = std::move(ca_file);
  settings.resolver.lookup = [](const std::string&) {
    return LookupAnswer{0, {asio::ip::make_address("127.0.0.1")}};
  };
  return settings;
}

/// One request to https://`host` at a server with this certificate.
Result<HttpResponse> ask(const Identity& identity, const std::string& ca_file,
                         const std::string& host = "api.test") {
  asio::io_context io;
  Server server(io, answer_all, identity);
  HttpClient client(io.get_executor(), settings_with(ca_file));
  HttpRequest request;
  request.url = server.url("/SECRET", host);
  request.label = "W&B test";
  Result<HttpResponse> response = run(io, client.send(request));
  if (!response) {
    CHECK(response.error().text().find("SECRET") == std::string::npos);
  }
  return response;
}

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("A server of a private CA is accepted with ca_file, and its connection kept", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  asio::io_context io;
  Server server(io, answer_all, authority.issue("DNS:api.test"));
  HttpClient client(io.get_executor(), settings_with(ca.path()));
  HttpRequest request;
  request.url = server.url("/", "api.test");
  for (int i = 0; i < 3; ++i) {
    const auto response = run(io, client.send(request));
    REQUIRE(response);
    CHECK(response->body == "secure");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("A large answer over TLS arrives whole", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>('a' + i * 7 % 26);
  }
  asio::io_context io;
  Server server(
      io,
      [&](Peer& peer) -> asio::awaitable<void> {
        co_await peer.read_request();
        co_await peer.write(ok(body));
      },
      authority.issue("DNS:api.test"));
  HttpClient client(io.get_executor(), settings_with(ca.path()));
  HttpRequest request;
  request.url = server.url("/", "api.test");
  CHECK(run(io, client.send(request)).value().body == body);
}

TEST_CASE("Without ca_file a private CA is refused, and ca_file is the advice", "[net][https]") {
  const auto response = ask(Authority().issue("DNS:api.test"), "");
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::denied);
  CHECK(response.error().retryable);
  CHECK_THAT(response.error().advice, ContainsSubstring("ca_file"));
  CHECK_THAT(response.error().text(), ContainsSubstring("api.test"));
}

TEST_CASE("SSL_CERT_FILE is honoured", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  const Variable variable("SSL_CERT_FILE", ca.path());
  CHECK(ask(authority.issue("DNS:api.test"), ""));
}

TEST_CASE("A certificate for another host is refused", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  for (const char* name : {"DNS:other.test", "DNS:test", "DNS:*.api.test", "IP:127.0.0.1"}) {
    CAPTURE(name);
    const auto response = ask(authority.issue(name), ca.path());
    REQUIRE_FALSE(response);
    CHECK(response.error().code == ErrorCode::denied);
    CHECK_THAT(response.error().advice, ContainsSubstring("another host"));
  }
  CHECK(ask(authority.issue("DNS:*.test"), ca.path()).error().code ==
        ErrorCode::denied);  // OpenSSL wants two labels
  CHECK(ask(authority.issue("DNS:*.example.test"), ca.path(), "api.example.test"));
}

TEST_CASE("An IP address must be in the certificate as such", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  CHECK(ask(authority.issue("IP:127.0.0.1"), ca.path(), "127.0.0.1"));
  CHECK(ask(authority.issue("DNS:127.0.0.1"), ca.path(), "127.0.0.1").error().code == ErrorCode::denied);
}

TEST_CASE("An expired or not yet valid certificate points at the clock", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  for (const Identity& identity :
       {authority.issue("DNS:api.test", -24, -1), authority.issue("DNS:api.test", 1, 24)}) {
    const auto response = ask(identity, ca.path());
    REQUIRE_FALSE(response);
    CHECK(response.error().code == ErrorCode::denied);
    CHECK_THAT(response.error().advice, ContainsSubstring("clock"));
  }
}

TEST_CASE("A ca_file that is missing or holds no certificate is named", "[net][https]") {
  const Identity identity = Authority().issue("DNS:api.test");
  const TemporaryFile empty("no certificate here\n");
  for (const std::string& path : {std::string("/nonexistent/ca.pem"), empty.path()}) {
    const auto response = ask(identity, path);
    REQUIRE_FALSE(response);
    CHECK(response.error().code == ErrorCode::invalid_input);
    CHECK_THAT(response.error().text(), ContainsSubstring(path));
  }
}

TEST_CASE("A server that does not speak TLS, or hangs before it does, is said to be so", "[net][https]") {
  asio::io_context io;
  Server plain(io, [](Peer& peer) -> asio::awaitable<void> {
    co_await peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  Server closing(io, [](Peer&) -> asio::awaitable<void> { co_return; });
  Server silent(io, [](Peer& peer) -> asio::awaitable<void> { co_await peer.wait_for_close(); });
  HttpClient client(io.get_executor(), settings_with(""));
  HttpRequest request;
  request.url = "https://api.test:" + std::to_string(plain.port());
  const auto answer = run(io, client.send(request));
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK_THAT(answer.error().advice, ContainsSubstring("http://"));
  request.url = "https://api.test:" + std::to_string(closing.port());
  CHECK(run(io, client.send(request)).error().code == ErrorCode::unavailable);
  request.url = "https://api.test:" + std::to_string(silent.port());
  request.timeout = 150ms;
  const auto late = run(io, client.send(request));
  CHECK(late.error().code == ErrorCode::timed_out);
  CHECK_THAT(late.error().text(), ContainsSubstring("TLS"));
}

TEST_CASE("A TLS answer that ends without saying so is taken for cut off", "[net][https]") {
  const Authority authority;
  const TemporaryFile ca(authority.pem());
  asio::io_context io;
  Server server(
      io,
      [](Peer& peer) -> asio::awaitable<void> {
        co_await peer.read_request();
        co_await peer.write("HTTP/1.1 200 OK\r\n\r\nis this all?");  // then TCP closes, TLS does not
      },
      authority.issue("DNS:api.test"));
  HttpClient client(io.get_executor(), settings_with(ca.path()));
  HttpRequest request;
  request.url = server.url("/", "api.test");
  CHECK(run(io, client.send(request)).error().code == ErrorCode::unavailable);
}
