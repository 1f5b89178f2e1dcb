#include "alerts/slack/slack_bot.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/slack/slack_api.h"
#include "alerts/slack/slack_message.h"
#include "alerts/slack/slack_parts.h"
#include "builders.h"
#include "slack_limits.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Slack's side: gives time stamps, remembers what was posted and edited, and refuses as it is told to.
struct Workspace : Receipts {
  std::map<std::string, std::string> kept;
  std::vector<json> posts;
  std::vector<json> edits;
  std::map<std::string, std::string> refuse;  // method → error, until cleared
  std::string refuse_thread;                  // for posts into a thread

  std::optional<std::string> find(const std::string& key) const override {
    const auto found = kept.find(key);
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  }

  SinkAnswer call(const SlackCall& call) {
    const json body = json::parse(call.body);
    SinkAnswer answer;
    answer.status = 200;
    std::string error = refuse.contains(call.method) ? refuse[call.method] : "";
    if (error.empty() && body.contains("thread_ts")) error = refuse_thread;
    if (!error.empty()) {
      answer.body = json{{"ok", false}, {"error", error}}.dump();
      return answer;
    }
    std::string ts = body.value("ts", "");
    if (call.method == "chat.postMessage") {
      ts = fmt::format("17954026{:02}.000100", posts.size());
      posts.push_back(body);
    } else {
      edits.push_back(body);
    }
    answer.body = json{{"ok", true}, {"channel", "C0123456789"}, {"ts", ts}}.dump();
    return answer;
  }

  Verdict deliver(const NotificationGroup& group, const std::string& mention = {}, bool plain = false) {
    SlackBotDelivery delivery(slack_bot_payload(group, mention, plain), "#training", *this);
    for (int calls = 0; calls < 50; ++calls) {
      const std::optional<SlackCall> call_to_make = delivery.next();
      if (!call_to_make) break;
      delivery.answered(call(*call_to_make));
    }
    const SinkAnswer answer = delivery.result();
    for (const auto& [key, value] : answer.receipts) {
      if (value.empty()) {
        kept.erase(key);
      } else {
        kept[key] = value;
      }
    }
    return classify_slack_api_answer(answer, at(0));
  }
};

Notification part(const std::string& id, NotificationKind kind = NotificationKind::fired,
                  Severity severity = Severity::critical) {
  Notification n = fired();
  n.kind = kind;
  n.severity = severity;
  n.transitions = {loss_high(kind == NotificationKind::resolved ? AlertState::resolved : AlertState::firing,
                             60, severity)};
  n.transitions[0].id = id;
  return n;
}

NotificationGroup group_of(std::vector<Notification> parts) {
  return {failed_run().key, std::move(parts)};
}

SinkAnswer api(const std::string& body, int status = 200, const std::string& retry_after = {}) {
  SinkAnswer answer;
  answer.status = status;
  answer.body = body;
  answer.retry_after = retry_after;
  return answer;
}

Verdict refused(const std::string& word) {
  return classify_slack_api_answer(api(R"({"ok":false,"error":")" + word + "\"}"), at(0));
}

constexpr const char* kA = "aaaaaaaaaaaaaaaa";
constexpr const char* kB = "bbbbbbbbbbbbbbbb";

}  // namespace

TEST_CASE(
    "a run's first message heads its thread, later ones are replies, critical ones shown in the channel",
    "[slack][bot]") {
  Workspace slack;
  REQUIRE(slack.deliver(group_of({part(kA)})).outcome == Outcome::sent);
  REQUIRE(slack.deliver(group_of({part(kB)})).outcome == Outcome::sent);
  REQUIRE(slack.deliver(group_of({part("c", NotificationKind::fired, Severity::warning)})).outcome ==
          Outcome::sent);
  REQUIRE(slack.posts.size() == 3);
  CHECK(slack.posts[0]["channel"] == "#training");
  CHECK_FALSE(slack.posts[0].contains("thread_ts"));
  CHECK(slack.posts[1]["thread_ts"] == "1795402600.000100");
  CHECK(slack.posts[1]["reply_broadcast"] == true);
  CHECK(slack.posts[2]["thread_ts"] == "1795402600.000100");
  CHECK_FALSE(slack.posts[2].contains("reply_broadcast"));
  NotificationGroup other = group_of({part("d")});
  other.key = "another run";
  REQUIRE(slack.deliver(other).outcome == Outcome::sent);
  CHECK_FALSE(slack.posts[3].contains("thread_ts"));
}

TEST_CASE("when an alert ends, the message that announced it is edited in place and nothing is posted",
          "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA), part(kB, NotificationKind::fired, Severity::warning)}));
  REQUIRE(slack.deliver(group_of({part(kA, NotificationKind::resolved)})).outcome == Outcome::sent);
  CHECK(slack.posts.size() == 1);
  REQUIRE(slack.edits.size() == 1);
  CHECK(slack.edits[0]["channel"] == "C0123456789");
  CHECK(slack.edits[0]["ts"] == "1795402600.000100");
  const std::string text = slack.edits[0].dump();
  CHECK_THAT(text, ContainsSubstring("1 alert, 1 resolved"));
  CHECK_THAT(text, ContainsSubstring("RESOLVED (was CRITICAL)"));
  CHECK_THAT(text, ContainsSubstring(kB));
  // The other one, too: then the message is all green and nothing of it is kept any longer.
  slack.deliver(group_of({part(kB, NotificationKind::resolved, Severity::warning)}));
  REQUIRE(slack.edits.size() == 2);
  CHECK_THAT(slack.edits[1].dump(), ContainsSubstring("2 alerts resolved"));
  CHECK_FALSE(slack.kept.contains("message:1795402600.000100"));
  CHECK_FALSE(slack.kept.contains(std::string("alert:") + kA));
  CHECK(slack.kept.contains("run:" + failed_run().key));
}

TEST_CASE("an end that comes with news edits the old message and posts the news only", "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA)}));
  slack.deliver(group_of({part(kA, NotificationKind::resolved), part(kB)}));
  REQUIRE(slack.edits.size() == 1);
  REQUIRE(slack.posts.size() == 2);
  CHECK(slack.posts[1].dump().find(kA) == std::string::npos);
  CHECK_THAT(slack.posts[1].dump(), ContainsSubstring(kB));
}

TEST_CASE("an alert announced twice (it escalated) turns green in both messages", "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA, NotificationKind::fired, Severity::warning)}));
  slack.deliver(group_of({part(kA, NotificationKind::escalated)}));
  slack.deliver(group_of({part(kA, NotificationKind::resolved)}));
  CHECK(slack.posts.size() == 2);
  CHECK(slack.edits.size() == 2);
}

TEST_CASE("an end whose announcement was deleted or is not known is posted", "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kB, NotificationKind::resolved)}));
  CHECK(slack.posts.size() == 1);
  slack.deliver(group_of({part(kA)}));
  for (const char* word : {"message_not_found", "cant_update_message", "edit_window_closed"}) {
    slack.refuse["chat.update"] = word;
    slack.deliver(group_of({part(kA)}));
    const std::size_t before = slack.posts.size();
    REQUIRE(slack.deliver(group_of({part(kA, NotificationKind::resolved)})).outcome == Outcome::sent);
    REQUIRE(slack.posts.size() == before + 1);
    CHECK_THAT(slack.posts.back().dump(), ContainsSubstring("RESOLVED"));
  }
}

TEST_CASE("a thread whose head was deleted is begun anew", "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA)}));
  slack.refuse_thread = "thread_not_found";
  REQUIRE(slack.deliver(group_of({part(kB)})).outcome == Outcome::sent);
  REQUIRE(slack.posts.size() == 2);
  CHECK_FALSE(slack.posts[1].contains("thread_ts"));
  slack.refuse_thread.clear();
  slack.deliver(group_of({part("c")}));
  CHECK(slack.posts[2]["thread_ts"] == "1795402601.000100");
}

TEST_CASE("a delivery that failed half way is repeated whole and edits nothing twice that it then forgets",
          "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA)}));
  slack.refuse["chat.postMessage"] = "internal_error";
  const NotificationGroup mixed = group_of({part(kA, NotificationKind::resolved), part(kB)});
  CHECK(slack.deliver(mixed).outcome == Outcome::retry);
  CHECK(slack.edits.size() == 1);
  slack.refuse.clear();
  REQUIRE(slack.deliver(mixed).outcome == Outcome::sent);
  CHECK(slack.edits.size() == 2);
  REQUIRE(slack.posts.size() == 2);
  CHECK(slack.posts[1].dump().find(kA) == std::string::npos);
  slack.refuse["chat.update"] = "ratelimited";
  const Verdict paused = slack.deliver(group_of({part(kB, NotificationKind::resolved)}));
  CHECK(paused.outcome == Outcome::retry);
  CHECK(paused.pauses_channel);
}

TEST_CASE("the plain form of an edit removes the blocks, a mention goes before urgent posts only",
          "[slack][bot]") {
  Workspace slack;
  slack.deliver(group_of({part(kA)}), "<!here>");
  CHECK(slack.posts[0]["blocks"][0]["text"]["text"] == "<!here>");
  slack.deliver(group_of({part(kA, NotificationKind::resolved)}), "<!here>", true);
  CHECK(slack.edits[0]["blocks"] == json::array());
  CHECK(slack.edits[0].dump().find("<!here>") == std::string::npos);
  slack.deliver(group_of({part(kB, NotificationKind::fired, Severity::warning)}), "<!here>");
  CHECK(slack.posts[1].dump().find("<!here>") == std::string::npos);
}

TEST_CASE("a digest and a notice stand alone, in no thread", "[slack][bot]") {
  Workspace slack;
  Notification notice;
  notice.kind = NotificationKind::notice;
  notice.title = "redflag was down for 3 h";
  slack.deliver({"", {notice}});
  slack.deliver({"", {notice}});
  CHECK(slack.posts.size() == 2);
  CHECK_FALSE(slack.posts[1].contains("thread_ts"));
  CHECK(slack.kept.empty());
}

TEST_CASE("what is remembered of messages has a limit: the oldest are forgotten whole", "[slack][bot]") {
  Workspace slack;
  for (std::size_t i = 0; i < SlackBotDelivery::kSlots + 50; ++i) {
    NotificationGroup one = group_of({part(fmt::format("{:016x}", i), NotificationKind::fired)});
    one.key = fmt::format("run {}", i / 2);
    REQUIRE(slack.deliver(one).outcome == Outcome::sent);
  }
  std::map<std::string, std::size_t> kinds;
  for (const auto& [key, value] : slack.kept) ++kinds[key.substr(0, key.find(':'))];
  CHECK(kinds["slot"] == SlackBotDelivery::kSlots + 1);
  CHECK(kinds["alert"] == SlackBotDelivery::kSlots);
  CHECK(kinds["run"] <= SlackBotDelivery::kSlots);
}

TEST_CASE("Slack's words are read: who has to act, what only waits, and what form it does not take",
          "[slack][sink]") {
  CHECK(classify_slack_api_answer(api(R"({"ok":true,"ts":"1.2"})"), at(0)).outcome == Outcome::sent);
  for (const char* word :
       {"not_authed", "invalid_auth", "account_inactive", "token_revoked", "channel_not_found",
        "not_in_channel", "is_archived", "no_permission", "missing_scope"}) {
    CHECK(refused(word).outcome == Outcome::permanent);
    CHECK_THAT(refused(word).reason, ContainsSubstring(word));
    CHECK(refused(word).reason.find('(') != std::string::npos);  // advice
  }
  for (const char* word : {"invalid_blocks", "msg_too_long", "msg_blocks_too_long"})
    CHECK(refused(word).outcome == Outcome::form_refused);
  for (const char* word :
       {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "new"}) {
    CHECK(refused(word).outcome == Outcome::retry);
    CHECK_FALSE(refused(word).pauses_channel);
  }
  const Verdict limited =
      classify_slack_api_answer(api(R"({"ok":false,"error":"ratelimited"})", 429, "30"), at(0));
  CHECK(limited.pauses_channel);
  CHECK(limited.retry_after == Duration{30s});
  CHECK(refused("ratelimited").pauses_channel);
  for (const char* body : {"", "<html>login</html>", "[]", "{}", R"({"ok":"true"})", R"({"ok":1})"})
    CHECK(classify_slack_api_answer(api(body), at(0)).outcome == Outcome::retry);
  CHECK(classify_slack_api_answer(api("oops", 503, "20"), at(0)).retry_after == Duration{20s});
}

TEST_CASE("whatever things are called, the bot's messages are within Slack's limits and can be written anew",
          "[slack][bot][hostile]") {
  for (const std::string& name : hostile_names()) {
    Workspace slack;
    Notification n = part("e");
    Transition& t = n.transitions[0];
    n.run.name = n.run.task = n.run.method = n.run.seed = n.remark = name;
    t.rule = t.message = t.hint = t.reason = t.pack = name;
    t.value = std::nan("");
    t.evidence.assign(5, {name, name, INFINITY, {1.0, std::nan("")}});
    NotificationGroup group{name, {n, part(kA)}};
    REQUIRE(slack.deliver(group).outcome == Outcome::sent);
    Notification ended = part(kA, NotificationKind::resolved);
    ended.run.name = name;
    REQUIRE(slack.deliver({name, {ended}}).outcome == Outcome::sent);
    REQUIRE(slack.edits.size() == 1);
    INFO(name.substr(0, 60));
    for (const json* body : {&slack.posts[0], &slack.edits[0]}) {
      std::string all;
      for (const std::string& line : slack_complaints(body->dump())) all += line + '\n';
      CHECK(all.empty());
    }
  }
}

TEST_CASE("a kept message gives the same message again", "[slack][bot]") {
  NotificationGroup group = group_of({part(kA), part(kB, NotificationKind::resolved)});
  group.parts[0].remark = "firing for 12 h";
  CHECK(slack_payload(parts_from_json(parts_to_json(group))) == slack_payload(group));
  CHECK(parts_from_json(json::parse("[1,{},[],{\"alert\":7}]")).parts.size() < 4);
}
