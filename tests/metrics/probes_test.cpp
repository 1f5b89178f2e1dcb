// GET /metrics, /healthz and /readyz, as a scraper and an orchestrator meet them.
#include "daemon/api/probes.h"

#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "daemon/api/probe_listener.h"
#include "daemon/base/system_clock.h"
#include "daemon/config/listen_address.h"
#include "tests/metrics/builders.h"
#include "tests/metrics/exposition.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::test;
using nlohmann::json;

namespace {

struct Probed {
  FixedViews views;
  OwnHealth own = sound_health();
  api::Probes probes{views, [this] { return own; }};
  asio::io_context context;

  Probed() { views.moment.sources[1].last_success = at(1700); }

  ServerResponse get(const std::string& target, const std::string& method = "GET") {
    ServerRequest request;
    request.method = method;
    request.target = target;
    return run_to_end(context, probes.answer(std::move(request)));
  }
};

std::string reasons(const ServerResponse& response) {
  return json::parse(response.body)["reasons"].dump();
}

}  // namespace

TEST_CASE("/metrics is text of the format that Prometheus knows", "[probes]") {
  Probed daemon;
  const ServerResponse response = daemon.get("/metrics");
  CHECK(response.status == 200);
  CHECK(response.headers[0].value == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(read_exposition(response.body).samples.size() > 40);
  CHECK(daemon.views.asked_for >= 200);
}

TEST_CASE("/healthz says whether the loops move", "[probes]") {
  Probed daemon;
  CHECK(daemon.get("/healthz").status == 200);
  CHECK(json::parse(daemon.get("/healthz").body)["status"] == "ok");
  daemon.own.stuck = "delivery to slack";
  CHECK(daemon.get("/healthz").status == 503);
  CHECK(reasons(daemon.get("/healthz")) == R"(["delivery to slack does not move"])");
}

TEST_CASE("/readyz waits until every source has been read, and says which was not", "[probes]") {
  Probed daemon;
  CHECK(daemon.get("/readyz").status == 200);
  daemon.views.moment.sources[1].last_success = Time{};
  const ServerResponse waiting = daemon.get("/readyz");
  CHECK(waiting.status == 503);
  CHECK(reasons(waiting) == R"(["wandb:api.wandb.ai/ent/other has not been read yet: HTTP 503"])");
  // What was kept of the process before this one is no reading of this one.
  daemon.views.moment.sources[1].last_success = at(5);
  daemon.views.moment.daemon.started_at = at(6);
  CHECK(daemon.get("/readyz").status == 503);
}

TEST_CASE("/readyz: a results directory that is not there yet is waited for, one half read is not",
          "[probes]") {
  Probed daemon;
  ResultsView& results = daemon.views.moment.results[0];
  results.listed = results.present = false;
  results.watching = "absent";
  CHECK(daemon.get("/readyz").status == 200);
  results.watching = "inotify";
  CHECK(reasons(daemon.get("/readyz")) == R"(["/data/results has not been read whole yet"])");
}

TEST_CASE("/readyz: a store that refuses is not ready", "[probes]") {
  Probed daemon;
  daemon.own.failing_since = at(1700);
  CHECK(daemon.get("/readyz").status == 503);
  daemon.own.undurable = "redflag's disk is full";
  CHECK(reasons(daemon.get("/readyz")) == R"(["the store cannot be written: redflag's disk is full"])");
}

TEST_CASE("Probes answer GET and HEAD at their three paths and nothing else", "[probes]") {
  Probed daemon;
  CHECK(daemon.get("/metrics", "HEAD").status == 200);
  CHECK(daemon.get("/metrics?name[]=x").status == 200);
  CHECK(daemon.get("/metrics", "POST").status == 405);
  CHECK(daemon.get("/v1/alerts").status == 404);
  CHECK(daemon.get("/metrics/").status == 404);
  CHECK(api::Probes::has("/readyz"));
  CHECK_FALSE(api::Probes::has("/"));
}

TEST_CASE("Only addresses that no other machine can reach may be listened on", "[probes][config]") {
  CHECK(parse_loopback_address("127.0.0.1:9736")->text() == "127.0.0.1:9736");
  CHECK(parse_loopback_address("[::1]:9736")->text() == "[::1]:9736");
  CHECK(parse_loopback_address("localhost:80")->host == "127.0.0.1");
  CHECK(parse_loopback_address("127.9.9.9:1")->port == 1);
  for (const char* bad : {"0.0.0.0:9736", "[::]:9736", "192.168.1.1:9736", "127.0.0.1", "127.0.0.1:-1",
                          ":9736", "", "127.0.0.1:65536", "127.0.0.1:97 36", "::1:9736", "[::1]",
                          "example.com:80", "9736", "127.1:9736", "[127.0.0.1:5", "127.0.0.1:+5"}) {
    INFO(bad);
    CHECK_FALSE(parse_loopback_address(bad));
  }
}

TEST_CASE("A Host header names this machine or is refused", "[probes]") {
  for (const char* good : {"localhost", "localhost:9736", "127.0.0.1:1", "[::1]", "[::1]:9736"})
    CHECK(names_loopback(good));
  for (const char* bad : {"", "evil.example", "evil.example:9736", "localhost.evil.example",
                          "127.0.0.1.evil:1", "localhost:1x", "[::1].evil", "127.0.0.1@evil"}) {
    INFO(bad);
    CHECK_FALSE(names_loopback(bad));
  }
}

TEST_CASE("The port for probes answers this machine by its own names only, and stops in order", "[probes]") {
  asio::io_context context{1};
  SystemClock clock;
  FixedViews views;
  api::Probes probes(views, [] { return sound_health(); });
  api::ProbeListener listener(context.get_executor(), clock, probes, {"127.0.0.1", 0});
  const Result<std::uint16_t> port = listener.start();
  REQUIRE(port);
  std::thread serving([&] { context.run(); });
  const auto ask = [&](const std::string& host, const std::string& path) {
    asio::io_context mine;
    asio::ip::tcp::socket socket(mine);
    socket.connect({asio::ip::make_address("127.0.0.1"), *port});
    asio::write(socket,
                asio::buffer("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"));
    std::string answer;
    boost::system::error_code ended;
    asio::read(socket, asio::dynamic_buffer(answer), ended);
    return answer;
  };
  CHECK_THAT(ask("127.0.0.1:" + std::to_string(*port), "/metrics"), ContainsSubstring("redflag_build_info"));
  CHECK_THAT(ask("localhost", "/healthz"), ContainsSubstring("HTTP/1.1 200"));
  const std::string rebound = ask("evil.example", "/metrics");
  CHECK_THAT(rebound, ContainsSubstring("HTTP/1.1 403"));
  CHECK(rebound.find("redflag_build_info") == std::string::npos);
  CHECK_THAT(ask("localhost", "/v1/alerts"), ContainsSubstring("HTTP/1.1 404"));
  asio::co_spawn(
      context, [&]() { return listener.stop(std::chrono::seconds{10}); }, asio::detached);
  serving.join();
}
