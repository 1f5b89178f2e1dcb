// What goes over the wire to each receiver, and what comes back of its answers, on a simulated network.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/simulated_clock.h"
#include "daemon/channels/alertmanager_channel.h"
#include "daemon/channels/slack_bot_channel.h"
#include "daemon/channels/slack_channel.h"
#include "daemon/channels/webhook_channel.h"
#include "daemon/simulator/simulated_network.h"
#include "daemon/simulator/slack_simulator.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* kToken = "xoxb-1234-5678-abcdefghijkl";

struct Kept : alerts::Receipts {
  std::map<std::string, std::string> all;
  std::optional<std::string> find(const std::string& key) const override {
    const auto found = all.find(key);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  }
};

struct Bench {
  asio::io_context io;
  SimulatedClock clock{at(0)};
  SimulatedNetwork network{clock};
  Kept kept;
  std::vector<ServerRequest> requests;
  ServerResponse response;

  Bench() {
    network.add_host("receiver", [this](const ServerRequest& request) {
      requests.push_back(request);
      return response;
    });
  }

  alerts::SinkAnswer deliver(Channel& channel, const alerts::OutboxMessage& message) {
    std::optional<alerts::SinkAnswer> answer;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          // One at a time: GCC 12 miscompiles an await inside a condition.
          alerts::SinkAnswer got = co_await channel.deliver(message, kept);
          answer = std::move(got);
        },
        asio::detached);
    clock.run_for(io, 5min, [&] { return answer.has_value(); });
    REQUIRE(answer);
    for (const auto& [key, value] : answer->receipts) kept.all[key] = value;
    return *answer;
  }

  alerts::Verdict send(Channel& channel, const alerts::NotificationGroup& group) {
    std::optional<alerts::OutboxMessage> message = channel.render(group);
    REQUIRE(message);
    message->id = "9f3c0a4be2d17788-fired-critical@" + channel.name();
    CHECK(message->payload.find(kToken) == std::string::npos);
    const alerts::SinkAnswer answer = deliver(channel, *message);
    const alerts::Verdict verdict = channel.judge(answer, clock.now());
    CHECK(verdict.reason.find(kToken) == std::string::npos);
    return verdict;
  }
};

alerts::NotificationGroup one() {
  return {failed_run().key, {fired()}};
}

WebhookSettings signed_webhook() {
  WebhookSettings settings;
  settings.url = Secret("https://receiver/hook?key=topsecret");
  settings.secret = Secret("whsec-0123456789");
  settings.token = Secret(kToken);
  return settings;
}

}  // namespace

TEST_CASE("a webhook's message carries its id, the time and a signature over time and body", "[webhook]") {
  Bench bench;
  WebhookChannel channel("pager", signed_webhook(), bench.network, bench.clock);
  CHECK(bench.send(channel, one()).outcome == alerts::Outcome::sent);
  REQUIRE(bench.requests.size() == 1);
  const ServerRequest& request = bench.requests[0];
  CHECK(request.method == "POST");
  CHECK(request.target == "/hook?key=topsecret");
  CHECK(request.header("X-Redflag-Id") == "9f3c0a4be2d17788-fired-critical@pager");
  CHECK(request.header("X-Redflag-Timestamp") == "1795402599");
  CHECK(request.header("Content-Type") == "application/json");
  CHECK(request.header("Authorization") == std::string("Bearer ") + kToken);
  CHECK(request.header("X-Redflag-Signature") ==
        webhook_signature(Secret("whsec-0123456789"), "1795402599", request.body));
  CHECK(json::parse(request.body)["receiver"] == "pager");
  // Computed with another program.
  CHECK(webhook_signature(Secret("whsec-0123456789"), "1795402599", R"({"a":1})") ==
        "v1=8b07837161f338085de337498a2b7e77caf659180972d83de1c1059c2d7366f8");
}

TEST_CASE("a webhook without a secret is not signed, and one with a template gets that", "[webhook]") {
  Bench bench;
  WebhookSettings settings;
  settings.url = Secret("http://receiver/");
  settings.body = *alerts::WebhookTemplate::parse(R"({"text": "{{rule}}"})");
  WebhookChannel channel("pager", std::move(settings), bench.network, bench.clock);
  bench.send(channel, one());
  CHECK(bench.requests[0].header("X-Redflag-Signature").empty());
  CHECK(bench.requests[0].header("Authorization").empty());
  CHECK(bench.requests[0].body == R"({"text":"loss-too-high"})");
}

TEST_CASE("no trouble of a webhook shows its address, its secret or its token", "[webhook]") {
  Bench bench;
  WebhookChannel channel("pager", signed_webhook(), bench.network, bench.clock);
  std::vector<ServerResponse> answers(4);
  answers[0].status = 500;
  answers[1].dropped = "connection refused";
  answers[2].status = 308;
  answers[2].headers = {{"Location", "https://receiver/hook?key=topsecret"}};
  answers[3].delay = 10min;
  for (const ServerResponse& answer : answers) {
    bench.response = answer;
    const alerts::Verdict verdict = bench.send(channel, one());
    CHECK(verdict.outcome != alerts::Outcome::sent);
    CHECK(!verdict.reason.empty());
    CHECK(verdict.reason.find("topsecret") == std::string::npos);
    CHECK(verdict.reason.find("whsec") == std::string::npos);
  }
}

TEST_CASE("Slack takes bursts of every size, as it reads its own limits", "[slack]") {
  Bench bench;
  SlackSimulator slack(bench.clock);
  bench.network.add_host("hooks.slack.com", [&](const ServerRequest& r) { return slack.answer(r); });
  SlackChannel channel("slack", Secret("https://hooks.slack.com" + slack.options().path), "<!here>",
                       bench.network);
  for (const int count : {1, 2, 3, 12, 13, 60, 500}) {
    alerts::NotificationGroup group = one();
    for (int i = 1; i < count; ++i) {
      group.parts.push_back(fired());
      group.parts.back().transitions[0].id = std::to_string(i);
      group.parts.back().kind =
          i % 4 == 0 ? alerts::NotificationKind::resolved : alerts::NotificationKind::fired;
    }
    CHECK(bench.send(channel, group).outcome == alerts::Outcome::sent);
    CHECK(slack.refusals().empty());
  }
  CHECK(slack.messages().size() == 7);
}

TEST_CASE("the bot posts with its token, keeps the thread, and edits when the alert has ended", "[slack]") {
  Bench bench;
  bench.response.body = R"({"ok":true,"channel":"C0123456789","ts":"1795402600.000100"})";
  SlackBotChannel channel("slack_bot", Secret(kToken), "https://receiver/api", "#training", "",
                          bench.network);
  REQUIRE(bench.send(channel, one()).outcome == alerts::Outcome::sent);
  CHECK(bench.requests[0].target == "/api/chat.postMessage");
  CHECK(bench.requests[0].header("Authorization") == std::string("Bearer ") + kToken);
  alerts::NotificationGroup more = one();
  more.parts[0].transitions[0].id = "another";
  bench.send(channel, more);
  CHECK(json::parse(bench.requests[1].body)["thread_ts"] == "1795402600.000100");
  alerts::NotificationGroup ended = one();
  ended.parts[0].kind = alerts::NotificationKind::resolved;
  ended.parts[0].transitions = {loss_high(AlertState::resolved, 60)};
  REQUIRE(bench.send(channel, ended).outcome == alerts::Outcome::sent);
  CHECK(bench.requests[2].target == "/api/chat.update");
  bench.response.body = R"({"ok":false,"error":"token_revoked"})";
  more.parts[0].transitions[0].id = "third";
  CHECK(bench.send(channel, more).outcome == alerts::Outcome::permanent);
  bench.response = {.status = 429, .headers = {{"Retry-After", "7"}}};
  CHECK(bench.send(channel, more).retry_after == Duration{7s});
}

TEST_CASE("Alertmanager is told on its API, and again of what fires", "[alertmanager]") {
  Bench bench;
  AlertmanagerChannel channel("am", {"http://receiver:9093/prefix", Secret(kToken), 1min, {{"team", "nlp"}}},
                              bench.network, bench.clock);
  REQUIRE(bench.send(channel, one()).outcome == alerts::Outcome::sent);
  CHECK(bench.requests[0].target == "/prefix/api/v2/alerts");
  CHECK(bench.requests[0].header("Authorization") == std::string("Bearer ") + kToken);
  const json first = json::parse(bench.requests[0].body);
  CHECK(first[0]["labels"]["team"] == "nlp");
  CHECK(first[0]["endsAt"] == "2026-11-23T03:00:39Z");
  REQUIRE(channel.refresh_every() == Duration{1min});
  bench.clock.run_for(bench.io, 1min);
  const auto again = channel.refresh({fired(), fired()});
  REQUIRE(again);
  CHECK(json::parse(again->payload).size() == 2);
  CHECK(json::parse(again->payload)[0]["labels"] == first[0]["labels"]);
  CHECK_FALSE(channel.refresh({}));
  alerts::Notification digest;
  digest.kind = alerts::NotificationKind::digest;
  CHECK_FALSE(channel.render({"", {digest}}));
  bench.response.status = 404;
  CHECK(bench.send(channel, one()).outcome == alerts::Outcome::permanent);
}
