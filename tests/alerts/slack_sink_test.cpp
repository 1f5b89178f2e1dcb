#include "alerts/slack/slack_sink.h"

#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

Verdict answer(int status, const std::string& body, const std::string& retry_after = {}) {
  SinkAnswer a;
  a.status = status;
  a.body = body;
  a.retry_after = retry_after;
  return classify_slack_answer(a, at(0));
}

}  // namespace

TEST_CASE("only 200 with the body ok counts as delivered", "[sink]") {
  CHECK(answer(200, "ok").outcome == Outcome::sent);
  CHECK(answer(200, "ok\n").outcome == Outcome::sent);
  CHECK(answer(200, "").outcome == Outcome::retry);
  CHECK(answer(200, "<html>proxy login</html>").outcome == Outcome::retry);
  CHECK(answer(200, R"({"ok":false})").outcome == Outcome::retry);
  CHECK(answer(204, "ok").outcome == Outcome::retry);
}

TEST_CASE("429 pauses the channel for as long as Slack says, however it says it", "[sink]") {
  const Verdict seconds = answer(429, "rate_limited", "30");
  CHECK(seconds.outcome == Outcome::retry);
  CHECK(seconds.pauses_channel);
  CHECK(seconds.retry_after == Duration{30s});
  CHECK(answer(429, R"({"retry_after":7,"ok":false,"error":"rate_limited"})").retry_after == Duration{7s});
  CHECK(answer(429, "", "Mon, 23 Nov 2026 02:57:39 GMT").retry_after == Duration{60s});
  CHECK(answer(429, "", "Mon, 23 Nov 2026 02:00:00 GMT").retry_after == Duration{0s});
  for (const char* bad : {"soon", "-5", "nan", "", "Mon, 99 Foo 2026 02:57:39 GMT"}) {
    const Verdict v = answer(429, "not json", bad);
    CHECK(v.pauses_channel);
    CHECK_FALSE(v.retry_after.has_value());
  }
  CHECK(answer(429, R"({"retry_after":1e300})").retry_after.value() <= 24h * 7);
}

TEST_CASE("Slack's final words park the message and tell a person what to do", "[sink]") {
  for (const auto& [status, word] :
       std::vector<std::pair<int, std::string>>{{403, "action_prohibited"},
                                                {403, "invalid_token"},
                                                {403, "posting_to_general_channel_denied"},
                                                {404, "channel_not_found"},
                                                {404, "no_service"},
                                                {404, "no_team"},
                                                {410, "channel_is_archived"}}) {
    const Verdict v = answer(status, word);
    CHECK(v.outcome == Outcome::permanent);
    CHECK_THAT(v.reason, ContainsSubstring(word));
  }
  CHECK(answer(403, R"({"ok":false,"error":"invalid_token"})").outcome == Outcome::permanent);
  CHECK_THAT(answer(404, "no_service").reason, ContainsSubstring("create a new one"));
}

TEST_CASE("a 400 is worth the plain form once", "[sink]") {
  for (const char* word :
       {"invalid_payload", "invalid_blocks", "no_text", "too_many_attachments", "user_not_found"}) {
    CHECK(answer(400, word).outcome == Outcome::form_refused);
  }
}

TEST_CASE("server errors, proxies and silence are worth a retry and blame nobody for good", "[sink]") {
  for (const int status : {500, 502, 503, 504, 301, 302, 404, 403, 407, 408}) {
    CHECK(answer(status, "<html>gateway</html>").outcome == Outcome::retry);
  }
  CHECK_FALSE(answer(500, "rollup_error").pauses_channel);
  CHECK(answer(503, "", "20").retry_after == Duration{20s});
  SinkAnswer none;
  none.transport_error = true;
  none.status = 200;
  none.body = "ok";
  none.transport_text = "connection reset\x1b[31m";
  const Verdict v = classify_slack_answer(none, at(0));
  CHECK(v.outcome == Outcome::retry);
  CHECK(v.reason.find('\x1b') == std::string::npos);
}

TEST_CASE("the reason of a failure is one short line, whatever the answer was", "[sink][hostile]") {
  const Verdict v = answer(500, std::string(100000, '\n') + "\x1b[2J" + std::string(100000, 'x'));
  CHECK(v.reason.size() < 300);
  CHECK(v.reason.find_first_of("\n\x1b") == std::string::npos);
}
