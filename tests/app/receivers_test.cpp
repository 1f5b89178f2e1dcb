// The whole daemon with receivers other than a Slack webhook: what Alertmanager believes at every moment, and
// the bot's thread across restarts.
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* kRule = "gradient-explosion";

/// As Alertmanager keeps alerts: by their labels, each firing until its end.
struct Alertmanager {
  struct Seen {
    Time begin;
    Time end;
    int turned_on = 0;  ///< how often it began to fire: what people would be told
  };
  const Clock& clock;
  std::map<std::string, Seen> alerts;
  bool down = false;
  std::size_t posts = 0;

  ServerResponse answer(const ServerRequest& request) {
    ServerResponse response;
    if (down) {
      response.dropped = "connection refused";
      return response;
    }
    ++posts;
    CHECK(request.target == "/api/v2/alerts");
    for (const json& alert : json::parse(request.body)) {
      if (alert["labels"]["alertname"] != kRule) continue;  // what else such a run sets off
      Seen& seen = alerts[alert["labels"].dump()];
      const Time begin = *parse_rfc3339(alert["startsAt"].get<std::string>());
      const Time end = *parse_rfc3339(alert["endsAt"].get<std::string>());
      CHECK(begin <= end);
      const bool was_on = seen.end > clock.now();
      if (!was_on && end > clock.now()) ++seen.turned_on;
      seen.begin = begin;
      seen.end = end;
    }
    return response;
  }
  std::size_t firing() const {
    return static_cast<std::size_t>(std::count_if(
        alerts.begin(), alerts.end(), [this](const auto& one) { return one.second.end > clock.now(); }));
  }
};

ReceiverConfig alertmanager() {
  ReceiverConfig receiver;
  receiver.name = "am";
  receiver.type = ReceiverType::alertmanager;
  receiver.min_severity = Severity::warning;
  receiver.url = "http://alertmanager:9093";
  receiver.refresh_interval = 1min;
  return receiver;
}

struct Watched {
  SimulatedDaemon daemon;
  Alertmanager manager{daemon.clock, {}};
  Watched() {
    daemon.network.add_host("alertmanager", [this](const ServerRequest& r) { return manager.answer(r); });
    daemon.config.alerts.receivers.push_back(alertmanager());
  }
};

/// Explodes between two rows and is well again afterwards.
RunScript exploding_run(std::size_t from, std::size_t to) {
  RunScript script = healthy_run("r1", kStart, 600);
  for (std::size_t i = from; i < std::min(to, script.rows.size()); ++i)
    script.rows[i].values["train/grad_norm"] = 5000.0;
  return script;
}

}  // namespace

TEST_CASE("Alertmanager believes that an alert fires for exactly as long as it does", "[alertmanager]") {
  Watched watched;
  watched.daemon.wandb.add_run("ent", "proj", exploding_run(30, 120));
  watched.daemon.start();
  watched.daemon.run_for(20min);
  CHECK(watched.manager.firing() == 0);
  watched.daemon.run_for(25min);
  for (int minute = 45; minute < 115; ++minute) {
    CHECK(watched.manager.firing() == 1);
    watched.daemon.run_for(1min);
  }
  watched.daemon.run_for(60min);
  CHECK(watched.manager.firing() == 0);
  REQUIRE(watched.manager.alerts.size() == 1);
  CHECK(watched.manager.alerts.begin()->second.turned_on == 1);
  // Told of it each minute while it fired, and not afterwards.
  const std::size_t posts = watched.manager.posts;
  CHECK(posts > 80);
  watched.daemon.run_for(60min);
  CHECK(watched.manager.posts == posts);
}

TEST_CASE("an outage of Alertmanager, or of us, ends no alert that fires and revives none that has ended",
          "[alertmanager][restart]") {
  Watched watched;
  watched.daemon.wandb.add_run("ent", "proj", exploding_run(30, 200));
  watched.daemon.start();
  watched.daemon.run_for(60min);
  CHECK(watched.manager.firing() == 1);
  watched.daemon.stop();
  watched.daemon.run_for(3min);
  watched.daemon.start();
  watched.daemon.run_for(5min);
  CHECK(watched.manager.firing() == 1);
  CHECK(watched.manager.alerts.begin()->second.turned_on == 1);
  watched.manager.down = true;
  watched.daemon.run_for(30min);
  watched.manager.down = false;
  watched.daemon.run_for(3min);
  CHECK(watched.manager.firing() == 1);
  watched.manager.down = true;  // it ends meanwhile
  watched.daemon.run_for(160min);
  watched.manager.down = false;
  watched.daemon.run_for(20min);
  CHECK(watched.manager.firing() == 0);
  CHECK(watched.manager.alerts.size() == 1);
}

TEST_CASE("two daemons that watch one project tell Alertmanager of one alert", "[alertmanager][fleet]") {
  Watched first;
  Watched second;
  for (Watched* watched : {&first, &second})
    watched->daemon.wandb.add_run("ent", "proj", exploding_run(30, 600));
  first.daemon.start();
  first.daemon.run_for(60min);
  second.daemon.run_for(37min);  // this one starts later, in the middle of it
  second.daemon.start();
  second.daemon.run_for(23min);
  REQUIRE(first.manager.alerts.size() == 1);
  REQUIRE(second.manager.alerts.size() == 1);
  CHECK(first.manager.alerts.begin()->first == second.manager.alerts.begin()->first);
}

TEST_CASE("the bot's thread and the message that turns green survive restarts", "[slack][restart]") {
  SimulatedDaemon daemon;
  struct Call {
    std::string target;
    json body;
    std::string ts;
  };
  std::vector<Call> calls;
  daemon.network.add_host("slack.com", [&](const ServerRequest& request) {
    const std::string ts = fmt::format("1795402600.{:06}", calls.size());
    calls.push_back({request.target, json::parse(request.body), ts});
    ServerResponse response;
    response.body = fmt::format(R"({{"ok":true,"channel":"C0123","ts":"{}"}})", ts);
    return response;
  });
  ReceiverConfig bot;
  bot.name = "bot";
  bot.type = ReceiverType::slack_bot;
  bot.channel = "#training";
  bot.api_url = "https://slack.com/api";
  bot.min_severity = Severity::warning;
  daemon.config.alerts.receivers.push_back(bot);
  RunScript script = exploding_run(30, 90);
  for (std::size_t i = 60; i < script.rows.size(); ++i) script.rows[i].values["train/loss"] = "NaN";
  daemon.wandb.add_run("ent", "proj", script);
  daemon.start();
  daemon.run_for(50min);
  REQUIRE(!calls.empty());
  const std::string head = calls[0].ts;
  CHECK(calls[0].target == "/api/chat.postMessage");
  CHECK_FALSE(calls[0].body.contains("thread_ts"));
  const auto announced = std::find_if(calls.begin(), calls.end(), [](const Call& call) {
    return call.body.dump().find(kRule) != std::string::npos;
  });
  REQUIRE(announced != calls.end());
  const std::string explosion = announced->ts;
  const std::size_t before = calls.size();
  daemon.kill();
  daemon.start();
  daemon.run_for(25min);
  REQUIRE(calls.size() > before);
  for (std::size_t i = 1; i < calls.size(); ++i) {
    if (calls[i].target == "/api/chat.postMessage") CHECK(calls[i].body["thread_ts"] == head);
  }
  daemon.kill();
  daemon.start();
  daemon.run_for(60min);
  bool edited = false;
  for (const Call& call : calls) {
    if (call.target != "/api/chat.update" || call.body["ts"] != explosion) continue;
    edited = true;
    CHECK_THAT(call.body.dump(), ContainsSubstring("RESOLVED"));
  }
  CHECK(edited);
}
