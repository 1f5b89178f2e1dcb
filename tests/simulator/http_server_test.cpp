#include "daemon/net/http_server.h"

#include <stdexcept>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "daemon/base/system_clock.h"
#include "daemon/simulator/simulator_server.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// A server on a thread of its own; the test is its blocking client.
struct Running {
  asio::io_context io;
  SystemClock clock;
  HttpServer server;
  std::uint16_t port = 0;
  std::thread thread;

  explicit Running(HttpServer::Handler handler, HttpServerLimits limits = {})
      : server(io.get_executor(), clock, std::move(handler), limits),
        port(server.listen("127.0.0.1").value()) {
    thread = std::thread{[this] { io.run(); }};
  }
  ~Running() {
    asio::post(io, [this] { server.stop(); });
    thread.join();
  }
};

struct Client {
  asio::io_context io;
  tcp::socket socket{io};

  explicit Client(std::uint16_t port) { socket.connect({asio::ip::make_address("127.0.0.1"), port}); }
  void send(const std::string& text) { asio::write(socket, asio::buffer(text)); }
  /// Until the server closes.
  std::string rest() {
    std::string out;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  }
  std::string some(std::size_t bytes) {
    std::string out(bytes, '\0');
    boost::system::error_code error;
    out.resize(asio::read(socket, asio::buffer(out), error));
    return out;
  }
};

std::string ask(std::uint16_t port, const std::string& text) {
  Client client{port};
  client.send(text);
  return client.rest();
}

asio::awaitable<ServerResponse> echo(ServerRequest request) {
  if (request.target == "/throw") throw std::runtime_error("secret detail");
  ServerResponse response;
  response.headers = {{"X-Method", request.method}, {"X-Bad", "a\r\nInjected: yes"}};
  response.body = request.body.empty() ? request.target : request.body;
  if (request.target == "/cut") response.cut_after = 3;
  if (request.target == "/drop") response.dropped = "reset";
  if (request.target == "/slow") response.delay = 10min;
  if (request.target == "/drip") {
    response.body = std::string(3000, 'd');
    response.drip = 1ms;
  }
  co_return response;
}

std::string get(const std::string& target, const std::string& extra = "Connection: close\r\n") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + extra + "\r\n";
}

}  // namespace

TEST_CASE("The server answers several requests on one connection", "[http-server]") {
  Running running{echo};
  Client client{running.port};
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + get("/b"));
  const std::string all = client.rest();
  CHECK_THAT(
      all,
      ContainsSubstring(
          "HTTP/1.1 200 OK\r\nX-Method: POST\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"));
  CHECK_THAT(all, ContainsSubstring("Connection: close\r\n\r\n/b"));
  CHECK_THAT(all, !ContainsSubstring("Injected"));
}

TEST_CASE("A chunked request and one that waits to continue are understood", "[http-server]") {
  Running running{echo};
  CHECK_THAT(ask(running.port,
                 "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
                 "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
             ContainsSubstring("\r\n\r\nabcde"));
  Client client{running.port};
  client.send(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.some(25) == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK_THAT(client.rest(), ContainsSubstring("\r\n\r\nhi"));
}

TEST_CASE("What is not HTTP, or too much of it, is refused without harm to the next client",
          "[http-server]") {
  HttpServerLimits limits;
  limits.max_header_bytes = 2000;
  limits.max_body_bytes = 1000;
  Running running{echo, limits};
  CHECK_THAT(ask(running.port, "\x16\x03\x01 what is this\r\n\r\n"), ContainsSubstring("400"));
  CHECK_THAT(ask(running.port, get("/" + std::string(3000, 'a'))), ContainsSubstring("431"));
  CHECK_THAT(ask(running.port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"),
             ContainsSubstring("413"));
  CHECK_THAT(ask(running.port, get("/fine")), ContainsSubstring("200 OK"));
}

TEST_CASE("An exception in the handler is a 500 that tells nothing", "[http-server]") {
  Running running{echo};
  const std::string answer = ask(running.port, get("/throw"));
  CHECK_THAT(answer, ContainsSubstring("HTTP/1.1 500"));
  CHECK_THAT(answer, !ContainsSubstring("secret detail"));
}

TEST_CASE("The server can cut, drop and drip its answers", "[http-server]") {
  Running running{echo};
  const std::string cut = ask(running.port, get("/cut"));
  CHECK_THAT(cut, ContainsSubstring("Content-Length: 4\r\n"));
  CHECK(cut.substr(cut.size() - 7) == "\r\n\r\n/cu");
  CHECK(ask(running.port, get("/drop")).empty());
  const std::string dripped = ask(running.port, get("/drip"));
  CHECK(dripped.substr(dripped.find("\r\n\r\n") + 4) == std::string(3000, 'd'));
}

TEST_CASE("A HEAD request gets the length without the body", "[http-server]") {
  Running running{echo};
  const std::string answer = ask(running.port, "HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_THAT(answer, ContainsSubstring("Content-Length: 4\r\n"));
  CHECK(answer.substr(answer.size() - 4) == "\r\n\r\n");
}

TEST_CASE("Stopping ends connections that wait, and the loop runs dry", "[http-server]") {
  auto running = std::make_unique<Running>(echo);
  Client idle{running->port};
  Client waiting{running->port};
  idle.send(get("/a", ""));
  CHECK(idle.some(12) == "HTTP/1.1 200");
  waiting.send(get("/slow"));
  running.reset();  // joins: hangs if anything stays
  CHECK(waiting.rest().empty());
}

TEST_CASE("A server can be destroyed with requests under way, and its loop after it", "[http-server]") {
  auto io = std::make_unique<asio::io_context>();
  SystemClock clock;
  auto server = std::make_unique<HttpServer>(io->get_executor(), clock, echo);
  Client client{server->listen("127.0.0.1").value()};
  client.send(get("/slow"));
  while (server->open_connections() == 0) io->run_one();
  io->poll();
  server.reset();
  io.reset();  // without having run dry
  CHECK(client.rest().empty());
}

TEST_CASE("A port that is taken and an address that is none are told apart", "[http-server]") {
  Running running{echo};
  asio::io_context io;
  SystemClock clock;
  HttpServer second{io.get_executor(), clock, echo};
  CHECK(second.listen("127.0.0.1", running.port).error().code == redflag::ErrorCode::conflict);
  CHECK(second.listen("localhost").error().code == redflag::ErrorCode::invalid_input);
}

TEST_CASE("The simulators answer behind the real server", "[http-server][wandb][slack]") {
  asio::io_context io;
  SystemClock clock;
  WandbSimulator wandb{clock};
  SlackSimulator slack{clock};
  SimulatorServer server{io.get_executor(), clock, wandb, slack};
  const std::uint16_t port = server.listen().value();
  CHECK(server.wandb_url() == "http://127.0.0.1:" + std::to_string(port));
  std::thread thread{[&] { io.run(); }};
  const auto post = [&](const std::string& target, const std::string& body) {
    return ask(port, "POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  CHECK_THAT(post("/graphql", R"({"query": "{ viewer { username } }"})"),
             ContainsSubstring(R"("username":"demo")"));
  CHECK_THAT(post(server.slack_url().substr(server.slack_url().find("/services")), R"({"text": "x"})"),
             ContainsSubstring("\r\n\r\nok"));
  asio::post(io, [&] { server.stop(); });
  thread.join();
  CHECK(slack.messages().size() == 1);
}
