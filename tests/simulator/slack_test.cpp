#include <sys/stat.h>

#include "daemon/simulator/slack_payload.h"
#include "daemon/simulator/slack_simulator.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag::test;

namespace {

json text(const std::string& words, const char* type = "mrkdwn") {
  return {{"type", type}, {"text", words}};
}
json header(const std::string& words) {
  return {{"type", "header"}, {"text", text(words, "plain_text")}};
}
json section(const std::string& words) {
  return {{"type", "section"}, {"text", text(words)}};
}
json message(json blocks) {
  return {{"text", "an alert"}, {"blocks", std::move(blocks)}};
}

std::string repeat(std::size_t times, const std::string& what = "x") {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += what;
  return out;
}

struct Channel {
  boost::asio::io_context io;
  SimulatedClock clock{kStart};
  SlackSimulator slack;

  explicit Channel(SlackSimulatorOptions options = {}) : slack(clock, std::move(options)) {}

  ServerResponse post(const std::string& body, const std::string& target = "/services/T000/B000/XXXX") {
    ServerRequest request;
    request.method = "POST";
    request.target = target;
    request.body = body;
    return slack.answer(request);
  }
  ServerResponse post(const json& payload) { return post(payload.dump()); }
};

}  // namespace

TEST_CASE("A good message is answered ok and kept with its time and what a reader sees", "[slack]") {
  Channel channel;
  const json blocks =
      json::array({header("Loss too high"),
                   section("*<https://w.b/r|full_ft>* 9.1 &gt; 5 &amp; rising"),
                   {{"type", "section"}, {"fields", {text("*Step*\n640"), text("*Since*\n02:00")}}},
                   {{"type", "divider"}},
                   {{"type", "context"}, {"elements", {text("id 1234")}}}});
  channel.clock.run_for(channel.io, 5s);
  const ServerResponse response = channel.post(message(blocks));
  CHECK(response.status == 200);
  CHECK(response.body == "ok");
  REQUIRE(channel.slack.messages().size() == 1);
  const SlackMessage& kept = channel.slack.messages()[0];
  CHECK(kept.arrived == kStart + 5s);
  CHECK(kept.text == "an alert");
  CHECK_THAT(kept.plain, ContainsSubstring("*full_ft* 9.1 > 5 & rising"));
  CHECK_THAT(kept.plain, ContainsSubstring("Loss too high"));
  CHECK_THAT(kept.plain, ContainsSubstring("640"));
  CHECK_THAT(kept.plain, ContainsSubstring("id 1234"));
}

TEST_CASE("A message beyond one of Slack's limits is refused with the reason", "[slack]") {
  Channel channel;
  const auto reason = [&](json payload) {
    const ServerResponse response = channel.post(payload);
    CHECK(response.status == 400);
    const SlackRefusal& last = channel.slack.refusals().back();
    return response.body + ": " + (last.reasons.empty() ? "" : last.reasons.front());
  };
  json many = json::array();
  for (int i = 0; i < 51; ++i) many.push_back({{"type", "divider"}});
  CHECK_THAT(reason(message(many)), ContainsSubstring("51 blocks"));
  CHECK_THAT(reason(message({header(repeat(151))})), ContainsSubstring("151 characters"));
  CHECK_THAT(reason(message({{{"type", "header"}, {"text", text("x")}}})),
             ContainsSubstring("type is wrong"));
  CHECK_THAT(reason(message({section(repeat(3001))})), ContainsSubstring("3001 characters"));
  CHECK_THAT(reason(message({section("")})), ContainsSubstring("empty"));
  CHECK_THAT(reason(message({{{"type", "section"}, {"fields", json(11, text("x"))}}})),
             ContainsSubstring("1 to 10"));
  CHECK_THAT(reason(message({{{"type", "section"}, {"fields", {text(repeat(2001))}}}})),
             ContainsSubstring("2001"));
  CHECK_THAT(reason(message({{{"type", "poem"}}})), ContainsSubstring("kind of block"));
  json named = section("x");
  named["block_id"] = repeat(256);
  CHECK_THAT(reason(message({named})), ContainsSubstring("block_id"));
  named["block_id"] = "same";
  CHECK_THAT(reason(message({named, named})), ContainsSubstring("twice"));
  CHECK_THAT(reason(message(json(5, section(repeat(2900))))), ContainsSubstring("msg_blocks_too_long"));
  CHECK_THAT(reason(json::object()), ContainsSubstring("no_text"));
  CHECK(channel.slack.messages().empty());
}

TEST_CASE("Slack counts characters, not bytes", "[slack]") {
  Channel channel;
  CHECK(channel.post(message({header(repeat(150, "\xC3\xA9"))})).status == 200);
  CHECK(channel.post(message({section(repeat(3000, "\xF0\x9F\x9A\xA9"))})).status == 200);
}

TEST_CASE("What is not JSON is refused, a form with a payload is taken", "[slack]") {
  Channel channel;
  CHECK(channel.post(std::string{"{\"text\": "}).body == "invalid_payload");
  CHECK(channel.post(std::string(100000, '[')).status == 400);
  CHECK(channel.post(std::string{"[1,2]"}).body == "invalid_payload");
  CHECK(channel.post(std::string{"{\"text\": 5}"}).status == 400);
  CHECK(channel.post(std::string{"payload=%7B%22text%22%3A+%22a+b%22%7D"}).status == 200);
  CHECK(channel.slack.messages().back().text == "a b");
}

TEST_CASE("Another webhook does not exist", "[slack]") {
  Channel channel;
  const ServerResponse response = channel.post(R"({"text":"x"})", "/services/T000/B000/OTHER");
  CHECK(response.status == 404);
  CHECK(response.body == "no_service");
}

TEST_CASE("Slack's failures leave no message behind, unless it was taken and only the answer was lost",
          "[slack][faults]") {
  Channel channel;
  const json payload = {{"text", "x"}};
  const auto with = [&](FaultKind kind, bool takes_effect = false) {
    Fault fault;
    fault.kind = kind;
    fault.takes_effect = takes_effect;
    fault.status = 410;
    fault.body = kind == FaultKind::status ? "channel_is_archived" : "";
    channel.slack.faults().next(fault);
    return channel.post(payload);
  };
  CHECK(with(FaultKind::rate_limited).status == 429);
  CHECK(with(FaultKind::server_error).status == 500);
  CHECK(with(FaultKind::status).body == "channel_is_archived");
  const ServerResponse strange = with(FaultKind::not_ok);
  CHECK(strange.status == 200);
  CHECK(strange.body != "ok");
  CHECK(with(FaultKind::reset).dropped == "connection reset by peer");
  CHECK(channel.slack.messages().empty());
  CHECK(with(FaultKind::reset, true).dropped == "connection reset by peer");
  CHECK(channel.slack.messages().size() == 1);
  CHECK(with(FaultKind::late).delay == 60s);
  CHECK(with(FaultKind::cut_body).body == "ok");
  CHECK(channel.slack.messages().size() == 3);
}

TEST_CASE("Messages faster than Slack's pace are told to wait", "[slack]") {
  SlackSimulatorOptions options;
  options.messages_per_second = 1.0;
  options.burst = 2.0;
  Channel channel{options};
  const json payload = {{"text", "x"}};
  CHECK(channel.post(payload).status == 200);
  CHECK(channel.post(payload).status == 200);
  const ServerResponse refused = channel.post(payload);
  CHECK(refused.status == 429);
  CHECK(refused.headers.back().name == "Retry-After");
  channel.clock.run_for(channel.io, 1s);
  CHECK(channel.post(payload).status == 200);
  CHECK(channel.post(payload).status == 429);
}

TEST_CASE("Every message that was answered ok is in the journal", "[slack]") {
  const TempDir dir;
  SlackSimulatorOptions options;
  options.journal = dir / "slack.jsonl";
  Channel channel{options};
  CHECK(channel.post(json{{"text", "one\ntwo"}}).status == 200);
  CHECK(channel.post(json{{"text", "three"}}).status == 200);
  auto read = read_slack_journal(options.journal);
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].text == "one\ntwo");
  CHECK((*read)[0].arrived == kStart);
  dir.write("slack.jsonl", read_file(options.journal) + "{\"time\": \"2026");
  CHECK(read_slack_journal(options.journal)->size() == 2);
  dir.write("slack.jsonl", "rubbish\n");
  CHECK_FALSE(read_slack_journal(options.journal).has_value());
}

TEST_CASE("A message that cannot be journalled is not answered ok", "[slack]") {
  SlackSimulatorOptions options;
  options.journal = "/nonexistent/journal";
  Channel channel{options};
  CHECK(channel.post(json{{"text", "x"}}).status == 500);
  CHECK(channel.slack.messages().empty());
}
