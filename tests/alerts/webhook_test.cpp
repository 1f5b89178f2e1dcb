#include <cmath>
#include <fstream>
#include <sstream>

#include "alerts/text/escape.h"
#include "alerts/webhook/webhook_body.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using nlohmann::json;

namespace {

NotificationGroup two() {
  NotificationGroup group{failed_run().key, {fired(), fired()}};
  group.parts[0].severity = Severity::warning;
  group.parts[0].transitions[0].id = "1111111111111111";
  group.parts[0].transitions[0].rule = "step-time-up";
  group.parts[1].remark = "firing for 12 h";
  return group;
}

std::string problem_of(const std::string& text) {
  const auto parsed = WebhookTemplate::parse(text);
  return parsed ? std::string() : parsed.error().text();
}

Verdict answered(int status, const std::string& wait = {}) {
  SinkAnswer answer;
  answer.status = status;
  answer.retry_after = wait;
  return classify_webhook_answer(answer, at(0));
}

}  // namespace

TEST_CASE("the default body says what, how bad, which run, and every alert with all its fields",
          "[webhook]") {
  const json body = json::parse(webhook_body(two(), "pager"));
  CHECK(body["version"] == 1);
  CHECK(body["receiver"] == "pager");
  CHECK(body["status"] == "firing");
  CHECK(body["severity"] == "critical");
  CHECK(body["group_key"] == failed_run().key);
  CHECK(body["run"]["name"] == "full_ft_sst2_seed999_failed");
  CHECK(body["counts"]["warning"] == 1);
  REQUIRE(body["alerts"].size() == 2);
  CHECK(body["alerts"][0]["rule"] == "loss-too-high");
  CHECK(body["alerts"][0]["kind"] == "fired");
  CHECK(body["alerts"][0]["remark"] == "firing for 12 h");
  CHECK(body["alerts"][0]["value"] == 8.45);
  CHECK(body["alerts"][1]["rule"] == "step-time-up");
  CHECK(body["summary"] ==
        "CRITICAL full_ft_sst2_seed999_failed: 1 critical, 1 warning: train loss 8.45 > 5 at step 700");
}

TEST_CASE("a notice and a resolution have their own status", "[webhook]") {
  Notification notice;
  notice.kind = NotificationKind::notice;
  notice.title = "redflag was down";
  CHECK(json::parse(webhook_body({"", {notice}}, "x"))["status"] == "notice");
  CHECK(json::parse(webhook_body({"", {notice}}, "x"))["title"] == "redflag was down");
  NotificationGroup group{"k", {fired()}};
  group.parts[0].kind = NotificationKind::resolved;
  CHECK(json::parse(webhook_body(group, "x"))["status"] == "resolved");
  CHECK(webhook_body({}, "x").empty());
}

TEST_CASE("a template puts fields into its strings and leaves everything else as it is", "[webhook]") {
  const auto made = WebhookTemplate::parse(
      R"({"msgtype": "text", "n": 3, "content": {"text": "{{ severity }}: {{run}} {{step}}!"}, "list": ["{{alert_ids}}"],
          "all": "{{alerts}}"})");
  REQUIRE(made);
  const json body = json::parse(made->body(two(), "x"));
  CHECK(body["content"]["text"] == "critical: full_ft_sst2_seed999_failed 700!");
  CHECK(body["n"] == 3);
  CHECK(body["list"][0] == "1111111111111111,9f3c0a4be2d17788");
  CHECK(body["all"].size() == 2);
}

TEST_CASE("every field of a template can be asked for, for an alert and for a notice", "[webhook]") {
  Notification notice;
  notice.kind = NotificationKind::notice;
  for (const auto& [name, doc] : webhook_fields()) {
    const auto made = WebhookTemplate::parse("{\"x\": \"{{" + std::string(name) + "}}\"}");
    INFO(name);
    REQUIRE(made);
    CHECK(json::parse(made->body(two(), "x")).contains("x"));
    CHECK(json::parse(made->body({"", {notice}}, "x")).contains("x"));
    CHECK(!doc.empty());
  }
}

TEST_CASE("docs/receivers.md has every field of a template, as the program says it", "[webhook][docs]") {
  std::ostringstream page;
  page << std::ifstream(REDFLAG_SOURCE_DIR "/docs/receivers.md").rdbuf();
  for (const auto& [name, doc] : webhook_fields())
    CHECK_THAT(page.str(), ContainsSubstring("| `" + std::string(name) + "` | " + std::string(doc) + " |\n"));
}

TEST_CASE("a mistake in a template is found before anything is sent, and the near name is given",
          "[webhook]") {
  CHECK_THAT(problem_of(R"({"text": "{{sumary}}"})"), ContainsSubstring("did you mean \"summary\"?"));
  CHECK_THAT(problem_of(R"({"a": [{"text": "{{severitty}}"}]})"), ContainsSubstring("\"severity\""));
  CHECK_THAT(problem_of(R"({"text": "{{xyzzyxyzzy}}"})"), ContainsSubstring("the fields are alerts"));
  CHECK_THAT(problem_of(R"({"text": "{{summary"})"), ContainsSubstring("has no \"}}\""));
  CHECK_THAT(problem_of(R"({"text": {{summary}}})"), ContainsSubstring("no JSON"));
  CHECK_THAT(problem_of(R"({"text": "see {{alerts}}"})"), ContainsSubstring("is a list"));
  CHECK_THAT(problem_of("\"{{summary}}\""), ContainsSubstring("neither"));
  CHECK(!problem_of("").empty());
}

TEST_CASE("no name breaks out of a template's string, and what is no UTF-8 can be read back",
          "[webhook][hostile]") {
  const auto made = WebhookTemplate::parse(R"({"text": "{{run}}", "safe": true})");
  REQUIRE(made);
  for (const std::string& name : hostile_names()) {
    NotificationGroup group = two();
    for (Notification& part : group.parts) {
      part.run.name = part.remark = part.transitions[0].message = part.transitions[0].rule = name;
      part.transitions[0].value = std::nan("");
      part.run.tags = {name};
    }
    group.key = name;
    const json own = json::parse(made->body(group, name));
    CHECK(own.size() == 2);
    CHECK(unescape_utf8(own["text"].get<std::string>()) == name);
    const json body = json::parse(webhook_body(group, name));
    CHECK(unescape_utf8(body["group_key"].get<std::string>()) == name);
    CHECK(body["alerts"][0]["value"] == "NaN");
  }
  // A name that looks like a placeholder is not one.
  NotificationGroup group = two();
  for (Notification& part : group.parts) part.run.name = "{{hint}}";
  CHECK(json::parse(made->body(group, "x"))["text"] == "{{hint}}");
}

TEST_CASE("a webhook's answers: taken, busy, revoked, moved", "[webhook][sink]") {
  for (const int status : {200, 201, 202, 204}) CHECK(answered(status).outcome == Outcome::sent);
  CHECK(answered(429, "30").pauses_channel);
  CHECK(answered(429, "30").retry_after == Duration{std::chrono::seconds{30}});
  CHECK(answered(503, "30").retry_after == Duration{std::chrono::seconds{30}});
  for (const int status : {407, 408, 425, 500, 502, 503, 504})
    CHECK(answered(status).outcome == Outcome::retry);
  for (const int status : {301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422}) {
    CHECK(answered(status).outcome == Outcome::permanent);
    CHECK(!answered(status).reason.empty());
  }
  CHECK_THAT(answered(308).reason, ContainsSubstring("not followed"));
}
