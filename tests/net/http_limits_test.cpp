// Servers that are broken, slow or hostile.
#include <future>

#include <boost/asio/buffer.hpp>

#include "daemon/net/http_client.h"
#include "server.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace std::chrono_literals;

namespace {

/// What a client makes of a server that reads a request, writes this, and then closes or keeps quiet.
struct Exchange {
  std::string answer;
  bool then_close = true;
  Duration timeout = 20s;
  std::size_t limit = std::size_t{1} << 20;

  Result<HttpResponse> result() const {
    asio::io_context io;
    Server server(io, [this](Peer& peer) -> asio::awaitable<void> {
      co_await peer.read_request();
      co_await peer.write(answer);
      if (!then_close) {
        co_await peer.wait_for_close();
      }
    });
    HttpClient client(io.get_executor());
    HttpRequest request;
    request.url = server.url("/SECRET");
    request.label = "W&B test";
    request.timeout = timeout;
    request.max_response_bytes = limit;
    Result<HttpResponse> response = run(io, client.send(request));
    if (!response) {
      CHECK(response.error().doing == "W&B test");
      CHECK(response.error().text().find("SECRET") == std::string::npos);
      CHECK(client.idle_connections() == 0);
    }
    return response;
  }
  Error error() const {
    const Result<HttpResponse> response = result();
    REQUIRE_FALSE(response);
    return response.error();
  }
};

std::string zipped(const std::string& packed, const std::string& encoding = "gzip") {
  return ok(packed, "Content-Encoding: " + encoding + "\r\n");
}

/// Writes `piece` until the client has had enough.
Result<HttpResponse> flood(const std::string& start, const std::string& piece) {
  asio::io_context io;
  Server server(io, [&](Peer& peer) -> asio::awaitable<void> {
    co_await peer.read_request();
    co_await peer.write(start);
    for (;;) {
      co_await peer.write(piece);
    }
  });
  HttpClient client(io.get_executor());
  HttpRequest request;
  request.url = server.url();
  request.max_response_bytes = std::size_t{1} << 20;
  return run(io, client.send(request));
}

}  // namespace

TEST_CASE("A compressed answer arrives decompressed", "[net][http][gzip]") {
  const std::string text(200'000, 'a');
  CHECK(Exchange{zipped(gzip(text))}.result().value().body == text);
  CHECK(Exchange{zipped(gzip("one ") + gzip("two"))}.result().value().body == "one two");
  CHECK(Exchange{zipped(gzip(""))}.result().value().body.empty());
  CHECK(Exchange{zipped("")}.result().value().body.empty());
  const std::string packed = gzip("chunk by chunk");
  std::string chunks = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char byte : packed) {
    chunks += "1\r\n" + std::string(1, byte) + "\r\n";
  }
  CHECK(Exchange{chunks + "0\r\n\r\n"}.result().value().body == "chunk by chunk");
}

TEST_CASE("A gzip bomb is stopped at the limit", "[net][http][gzip]") {
  const std::string bomb = gzip(std::string(std::size_t{64} << 20, '\0'));
  REQUIRE(bomb.size() < 100'000);
  CHECK(Exchange{zipped(bomb)}.error().code == ErrorCode::too_large);
  // Exactly the limit is allowed, a byte more is not.
  CHECK(Exchange{zipped(gzip(std::string(1000, 'x'))), true, 20s, 1000}.result().value().body.size() == 1000);
  CHECK(Exchange{zipped(gzip(std::string(1001, 'x'))), true, 20s, 1000}.error().code == ErrorCode::too_large);
}

TEST_CASE("Damaged, cut or unknown compression is said to be so", "[net][http][gzip]") {
  const std::string packed = gzip("some text that is long enough to be cut in the middle of");
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x55;
  CHECK(Exchange{zipped(damaged)}.error().code == ErrorCode::malformed);
  CHECK(Exchange{zipped(packed.substr(0, packed.size() - 6))}.error().code == ErrorCode::malformed);
  CHECK(Exchange{zipped(packed + "garbage")}.error().code == ErrorCode::malformed);
  CHECK(Exchange{zipped("not gzip at all")}.error().code == ErrorCode::malformed);
  CHECK(Exchange{zipped("x", "br")}.error().code == ErrorCode::malformed);
}

TEST_CASE("An answer longer than allowed is refused, whichever way its length is told",
          "[net][http][limits]") {
  const std::string body(1001, 'x');
  const Exchange announced{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", false, 20s, 1000};
  CHECK(announced.error().code == ErrorCode::too_large);
  CHECK_FALSE(announced.error().retryable);
  const Exchange chunked{
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + "\r\n0\r\n\r\n", false, 20s,
      1000};
  CHECK(chunked.error().code == ErrorCode::too_large);
  CHECK(Exchange{"HTTP/1.1 200 OK\r\n\r\n" + body, true, 20s, 1000}.error().code == ErrorCode::too_large);
  CHECK(Exchange{ok(body.substr(1)), true, 20s, 1000}.result().value().body.size() == 1000);
}

TEST_CASE("An answer cut short is never taken for a whole one", "[net][http][limits]") {
  for (const std::string answer : {
           "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
           "HTTP/1.1 200 OK\r\nContent-Le",
           "HTTP/1.1 2",
           "H",
           "HTTP/1.1 100 Continue\r\n\r\n",
       }) {
    CAPTURE(answer);
    const Error error = Exchange{answer}.error();
    CHECK(error.code == ErrorCode::unavailable);
    CHECK(error.retryable);
  }
}

TEST_CASE("A server that hangs is given up after the timeout, wherever it hangs", "[net][http][timeout]") {
  for (const std::string answer :
       {"", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    CAPTURE(answer);
    const Error error = Exchange{answer, false, 50ms}.error();
    CHECK(error.code == ErrorCode::timed_out);
    CHECK(error.retryable);
    CHECK_THAT(error.text(), ContainsSubstring("50 ms"));
  }
}

TEST_CASE("A DNS that hangs ends with the request's timeout", "[net][http][timeout]") {
  auto hanging = std::make_shared<std::promise<void>>();
  HttpClientSettings settings;
  settings.resolver.lookup = [wait = hanging->get_future().share()](const std::string&) {
    wait.wait();
    return LookupAnswer{};
  };
  {
    asio::io_context io;
    HttpClient client(io.get_executor(), settings);
    HttpRequest request;
    request.url = "https://api.test/SECRET";
    request.label = "W&B test";
    request.timeout = 50ms;
    const auto response = run(io, client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().code == ErrorCode::timed_out);
    CHECK_THAT(response.error().text(), ContainsSubstring("api.test"));
    CHECK(response.error().text().find("SECRET") == std::string::npos);
  }
  hanging->set_value();
}

TEST_CASE("What is not HTTP is said to be so", "[net][http][limits]") {
  for (const std::string answer : {
           "SSH-2.0-OpenSSH_9.2\r\n\r\n",
           "HTTP/9.9 200 OK\r\n\r\n",
           "HTTP/1.1 two hundred\r\n\r\n",
           "\x16\x03\x01\x02 and so on\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
       }) {
    CAPTURE(answer);
    CHECK(Exchange{answer}.error().code == ErrorCode::malformed);
  }
}

TEST_CASE("Headers without end are cut off", "[net][http][limits]") {
  CHECK(flood("HTTP/1.1 200 OK\r\n", "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").error().code ==
        ErrorCode::too_large);
  CHECK(flood("HTTP/1.1 200 OK\r\nX-Long: ", std::string(1000, 'a')).error().code == ErrorCode::too_large);
  CHECK(flood("", std::string(1000, 'H')).error().code == ErrorCode::malformed);
}

TEST_CASE("Interim answers, chunk extensions, trailers and bodies without end are cut off",
          "[net][http][limits]") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(flood("", "HTTP/1.1 100 Continue\r\n\r\n").error().code == ErrorCode::malformed);
  CHECK(flood(chunked + "5;", std::string(1000, 'x')).error().code == ErrorCode::malformed);
  CHECK_FALSE(flood(chunked + "0\r\n", "Trailer: " + std::string(1000, 'x') + "\r\n"));
  CHECK(flood(chunked, "1000\r\n" + std::string(4096, 'x') + "\r\n").error().code == ErrorCode::too_large);
  CHECK(flood("HTTP/1.1 200 OK\r\n\r\n", std::string(10'000, 'x')).error().code == ErrorCode::too_large);
}
