// `redflag alerts test`, against a stand-in on loopback.
#include "daemon/cli/alerts_test.h"

#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/system_clock.h"
#include "daemon/net/http_server.h"
#include "said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::test;

namespace {

class StandIn {
 public:
  StandIn()
      : server_(io_.get_executor(), clock_, [this](ServerRequest request) -> asio::awaitable<ServerResponse> {
          const std::lock_guard<std::mutex> lock(mutex_);
          last_ = std::move(request);
          co_return answer_;
        }) {
    const auto port = server_.listen("127.0.0.1");
    if (!port) throw std::runtime_error(port.error().text());
    port_ = *port;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~StandIn() {
    asio::post(io_, [this] { server_.stop(); });
    thread_.join();
  }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  void answers(int status, std::string body) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answer_.status = status;
    answer_.body = std::move(body);
  }
  ServerRequest last() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_;
  }

 private:
  asio::io_context io_;
  SystemClock clock_;
  std::mutex mutex_;
  ServerRequest last_;
  ServerResponse answer_;
  HttpServer server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

Said alerts_test(const std::vector<std::string>& words) {
  const TempDir dir;
  Said said;
  {
    const Redirected out(stdout, dir / "out");
    const Redirected err(stderr, dir / "err");
    said.code = alerts_test_command(words);
  }
  said.out = read_file(dir / "out");
  said.err = read_file(dir / "err");
  return said;
}

struct Bench {
  StandIn service;
  TempDir dir;
  Bench() {
    dir.write("webhook", service.url("/services/T000/B000/abcdefgh"));
    dir.write("token", "xoxb-123-456-abcdefgh");
    dir.write("redflag.yaml", "results: {roots: [" + dir.path() +
                                  "]}\nstore: {state_directory: " + dir / "state" +
                                  "}\nalerts:\n  receivers:\n    - {type: slack, webhook_file: webhook}\n"
                                  "    - {type: slack_bot, channel: C0123, token_file: token, api_url: \"" +
                                  service.url("/api") + "\"}\n    - {name: am, type: alertmanager, url: \"" +
                                  service.url("") +
                                  "\"}\n    - {type: mail, to: [root], sendmail: /nonexistent}\n"
                                  "    - {type: log}\n");
  }
  Said test(const std::string& receiver, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{receiver, "--config", dir / "redflag.yaml"};
    words.insert(words.end(), more.begin(), more.end());
    return alerts_test(words);
  }
};

}  // namespace

TEST_CASE("a test message that is taken is said to be, and says of itself that it is a test",
          "[alerts][test]") {
  Bench bench;
  bench.service.answers(200, "ok");
  const Said said = bench.test("slack");
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("slack (slack): sent"));
  CHECK(bench.service.last().target == "/services/T000/B000/abcdefgh");
  CHECK_THAT(bench.service.last().body, ContainsSubstring("redflag test message: receiver slack works"));
  CHECK_THAT(bench.service.last().body, ContainsSubstring("Nothing is wrong"));
  CHECK(bench.test("log").code == 0);
}

TEST_CASE("a refusal is explained: what was said, what to do, what redflagd would do", "[alerts][test]") {
  Bench bench;
  bench.service.answers(404, "no_service");
  const Said said = bench.test("slack");
  CHECK(said.code == 1);
  CHECK_THAT(said.out, ContainsSubstring("404: no_service (the webhook was revoked"));
  CHECK_THAT(said.out, ContainsSubstring("keep such a message aside"));
  CHECK(said.out.find("abcdefgh") == std::string::npos);
  bench.service.answers(200, R"({"ok":false,"error":"not_in_channel"})");
  CHECK_THAT(bench.test("slack_bot").out, ContainsSubstring("invite the bot"));
  bench.service.answers(503, "");
  CHECK_THAT(bench.test("slack").out, ContainsSubstring("try again until"));
  const Said mail = bench.test("mail");
  CHECK(mail.code == 1);
  CHECK_THAT(mail.out, ContainsSubstring("install a mail transport agent"));
}

TEST_CASE("the outcome can be had as JSON", "[alerts][test]") {
  Bench bench;
  bench.service.answers(200, "");
  const auto json = nlohmann::json::parse(bench.test("am", {"--json"}).out);
  CHECK(json["receiver"] == "am");
  CHECK(json["type"] == "alertmanager");
  CHECK(json["sent"] == true);
  CHECK(json["status"] == 200);
  CHECK(nlohmann::json::parse(bench.service.last().body)[0]["labels"]["alertname"] == "redflag-test");
}

TEST_CASE("a receiver that is not there, a missing secret and a broken configuration are usage errors",
          "[alerts][test]") {
  Bench bench;
  const Said wrong = bench.test("slak");
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("did you mean \"slack\"?"));
  CHECK(alerts_test({"--config", bench.dir / "redflag.yaml"}).code == 2);
  CHECK(alerts_test({"slack", "--config", "/nonexistent.yaml"}).code == 2);
  CHECK(alerts_test({"--help"}).code == 0);
  std::filesystem::remove(bench.dir / "token");
  CHECK(bench.test("slack_bot").code == 2);
}
