#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/simulator/simulated_network.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;
using redflag::ErrorCode;

namespace {

struct Net {
  boost::asio::io_context io;
  SimulatedClock clock{kStart};
  SimulatedNetwork network{clock};
  ServerResponse next;
  ServerRequest seen;

  Net() {
    network.add_host("api.wandb.ai", [this](const ServerRequest& request) {
      seen = request;
      return next;
    });
  }

  redflag::Result<HttpResponse> send(const std::string& url, Duration timeout = 30s) {
    std::optional<redflag::Result<HttpResponse>> result;
    const auto go = [&]() -> boost::asio::awaitable<void> {
      HttpRequest request;
      request.method = "POST";
      request.url = url;
      request.label = "W&B";
      request.body = "hello";
      request.timeout = timeout;
      request.max_response_bytes = 10000;
      result = co_await network.send(std::move(request));
    };
    boost::asio::co_spawn(io, go(), boost::asio::detached);
    clock.run_for(io, 1h, [&] { return result.has_value(); });
    return *result;
  }
};

}  // namespace

TEST_CASE("A request reaches the service of its host, whole", "[network]") {
  Net net;
  net.next.status = 201;
  net.next.body = "there";
  net.next.headers = {{"X-A", "b"}};
  const auto response = net.send("https://API.wandb.ai:8443/graphql?x=1");
  REQUIRE(response.has_value());
  CHECK(response->status == 201);
  CHECK(response->body == "there");
  CHECK(response->header("x-a") == "b");
  CHECK(net.seen.target == "/graphql?x=1");
  CHECK(net.seen.path() == "/graphql");
  CHECK(net.seen.body == "hello");
  CHECK(net.network.requests("api.wandb.ai") == 1);
}

TEST_CASE("A host that nobody knows does not resolve, and its address is not repeated", "[network]") {
  Net net;
  const auto response = net.send("https://hooks.slack.com/services/T/B/secret");
  REQUIRE_FALSE(response.has_value());
  CHECK(response.error().code == ErrorCode::unavailable);
  CHECK(response.error().retryable);
  CHECK_THAT(response.error().text(), !ContainsSubstring("secret"));
  CHECK(net.network.requests() == 1);
  CHECK(net.network.requests("hooks.slack.com") == 0);
}

TEST_CASE("An answer slower than the timeout is an error after exactly the timeout", "[network]") {
  Net net;
  net.next.body = "x";
  net.next.delay = 29s;
  CHECK(net.send("http://api.wandb.ai/").has_value());
  CHECK(net.clock.now() == kStart + 29s);
  net.next.delay = 31s;
  const auto late = net.send("http://api.wandb.ai/");
  CHECK(late.error().code == ErrorCode::timed_out);
  CHECK(net.clock.now() == kStart + 59s);
  net.next.delay = 0s;
  net.next.body = std::string(5000, 'x');
  net.next.drip = 10s;
  CHECK(net.send("http://api.wandb.ai/").error().code == ErrorCode::timed_out);
  CHECK(net.send("http://api.wandb.ai/", 2min).has_value());
}

TEST_CASE("A cut, dropped or oversized answer is an error", "[network]") {
  Net net;
  net.next.body = "0123456789";
  net.next.cut_after = 4;
  CHECK(net.send("http://api.wandb.ai/").error().code == ErrorCode::unavailable);
  net.next.cut_after = 10;
  CHECK(net.send("http://api.wandb.ai/").has_value());
  net.next.dropped = "connection refused";
  const auto refused = net.send("http://api.wandb.ai/");
  CHECK(refused.error().retryable);
  CHECK_THAT(refused.error().text(), ContainsSubstring("connection refused"));
  net.next.dropped.clear();
  net.next.cut_after.reset();
  net.next.body = std::string(10001, 'x');
  CHECK(net.send("http://api.wandb.ai/").error().code == ErrorCode::too_large);
  CHECK_FALSE(net.send("not a url").error().retryable);
}
