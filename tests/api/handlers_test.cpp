// What each route answers, and what it does.
#include <limits>

#include "alerts/text/escape.h"
#include "tests/api/api_helpers.h"

using namespace redflag;
using namespace redflag::test;

TEST_CASE("The list of alerts can be narrowed by state and by matchers", "[api]") {
  Asked api;
  Said said = api.get("/v1/alerts");
  CHECK(said.status == 200);
  CHECK(said.json["now"] == "2026-11-23T03:26:39Z");
  CHECK(said.json["total"] == 3);
  CHECK(said.json["cut"] == false);
  REQUIRE(said.json["alerts"].size() == 3);
  CHECK(said.json["alerts"][0]["rule"] == "loss-too-high");
  CHECK(said.json["alerts"][0]["value"] == 8.45);
  CHECK(said.json["alerts"][0]["evidence"][0]["recent"].size() == 6);
  CHECK(said.json["alerts"][0]["tags"] == nlohmann::json({"full", "sst2"}));
  CHECK(said.json["alerts"][0]["acknowledged"].is_null());
  CHECK(said.json["alerts"][1]["no_data_since"] == "2026-11-23T03:08:19Z");
  CHECK(api.get("/v1/alerts?state=firing").json["total"] == 2);
  CHECK(api.get("/v1/alerts?state=firing&state=ended").json["total"] == 3);
  CHECK(api.get("/v1/alerts?state=pending").json["total"] == 0);
  CHECK(api.get("/v1/alerts?match=severity%3E%3Dcritical").json["total"] == 1);
  CHECK(api.get("/v1/alerts?match=tag%3Dlora&match=rule%3Drun-*").json["total"] == 1);
  CHECK(api.get("/v1/alerts/").json["total"] == 3);
}

TEST_CASE("A list that was cut says so, and how many there are", "[api]") {
  Asked api;
  const AlertView one = api.operations.kept[0];
  for (int i = 0; i < 1200; ++i) {
    api.operations.kept.push_back(one);
    api.operations.kept.back().alert.last.id = fmt::format("{:016x}", i);
  }
  const Said by_default = api.get("/v1/alerts");
  CHECK(by_default.json["alerts"].size() == 1000);
  CHECK(by_default.json["total"] == 1203);
  CHECK(by_default.json["cut"] == true);
  CHECK(api.get("/v1/alerts?limit=7").json["alerts"].size() == 7);
  CHECK(api.get("/v1/alerts?limit=5000").json["cut"] == false);
  for (const char* wrong : {"0", "-1", "1e3", "", "99999999999999999999999", "100001", "7x"}) {
    const Said said = api.get(std::string("/v1/alerts?limit=") + wrong);
    CHECK(said.status == 400);
    CHECK_THAT(error_of(said), ContainsSubstring("whole number from 1 to 100000"));
  }
}

TEST_CASE("An alert is found by a unique beginning of its id", "[api]") {
  Asked api;
  CHECK(api.get("/v1/alerts/9f3c").json["alert"]["id"] == "9f3c0a4be2d17788");
  CHECK(api.get("/v1/alerts/ffff").status == 404);
  CHECK_THAT(error_of(api.get("/v1/alerts/ffff")),
             ContainsSubstring("not_found: looking for the alert: there is no alert \"ffff\""));
  api.operations.kept[1].alert.last.id = "9f3c111111111111";
  CHECK(api.get("/v1/alerts/9f3c").status == 400);
}

TEST_CASE("An acknowledgement bears the name of who asks, unless another is given", "[api]") {
  Asked api;
  const Said said = api.post("/v1/alerts/9f3c/ack", "");
  CHECK(said.status == 200);
  CHECK(said.json["alert"]["acknowledged"]["by"] == "alice");
  CHECK(said.json["alert"]["acknowledged"]["severity"] == "critical");
  CHECK(api.post("/v1/alerts/9f3c/ack", R"({"by": "bob", "comment": "on it"})").status == 200);
  CHECK(api.ask("DELETE", "/v1/alerts/9f3c/ack").json["alert"]["acknowledged"].is_null());
  CHECK(api.operations.calls ==
        std::vector<std::string>{"ack 9f3c0a4be2d17788 by alice: ", "ack 9f3c0a4be2d17788 by bob: on it",
                                 "unack 9f3c0a4be2d17788"});
  CHECK(api.post("/v1/alerts/c07e/ack", "{}").status == 409);
  CHECK(api.post("/v1/alerts/nope/ack", "{}").status == 404);
}

TEST_CASE("A silence is previewed without being made, then made, listed and ended", "[api]") {
  Asked api;
  const std::string body =
      R"({"matchers": ["rule=loss-*", "run=full_*"], "duration": "2h", "comment": "known"})";
  const Said preview = api.post("/v1/silences?preview=1", body);
  CHECK(preview.status == 200);
  CHECK(preview.json["silence"]["id"].is_null());
  CHECK(preview.json["silence"]["author"] == "alice");
  CHECK(preview.json["silence"]["ends"] == "2026-11-23T05:26:39Z");
  REQUIRE(preview.json["mutes"].size() == 1);
  CHECK(preview.json["mutes"][0]["id"] == "9f3c0a4be2d17788");
  CHECK(api.operations.calls.empty());

  const Said made = api.post("/v1/silences", body);
  CHECK(made.status == 201);
  CHECK(made.json["silence"]["state"] == "active");
  CHECK(made.json["total"] == 1);
  const std::string id = made.json["silence"]["id"];
  CHECK(api.get("/v1/silences").json["silences"][0]["matchers"] ==
        nlohmann::json({"rule=loss-*", "run=full_*"}));
  CHECK(api.ask("DELETE", "/v1/silences/" + id).json["silence"]["state"] == "ended");
  CHECK(api.ask("DELETE", "/v1/silences/" + id).status == 409);
  CHECK(api.ask("DELETE", "/v1/silences/zzz").status == 404);
  CHECK(api.get("/v1/silences?state=active").json["total"] == 1);
  CHECK(api.get("/v1/silences?state=ended").json["total"] == 1);
}

TEST_CASE("A silence may begin later and end at a given time", "[api]") {
  Asked api;
  const Said said =
      api.post("/v1/silences", R"({"matchers": ["rule=*"], "starts": "2026-11-24T00:00:00+01:00",
      "ends": "2026-11-24T06:00:00Z", "comment": "maintenance", "author": "ops"})");
  CHECK(said.status == 201);
  CHECK(said.json["silence"]["starts"] == "2026-11-23T23:00:00Z");
  CHECK(said.json["silence"]["state"] == "pending");
  CHECK(said.json["silence"]["author"] == "ops");
}

TEST_CASE("The outbox is listed, retried and dropped, by id or all that is asked for in so many words",
          "[api]") {
  Asked api;
  const Said list = api.get("/v1/outbox");
  REQUIRE(list.json["messages"].size() == 2);
  CHECK(list.json["messages"][0]["state"] == "queued");
  CHECK(list.json["messages"][0]["attempts"] == 7);
  CHECK_FALSE(list.json["messages"][0].contains("payload"));
  const std::string id = list.json["messages"][1]["id"];
  CHECK(api.post("/v1/outbox/retry", R"({"ids": [")" + id + R"("]})").json["count"] == 1);
  CHECK(api.post("/v1/outbox/drop", R"({"all": true})").json["count"] == 2);
  CHECK(api.operations.calls == std::vector<std::string>{"retry " + id, "drop all"});
  for (const char* nothing : {"{}", R"({"ids": []})", R"({"all": false})", R"({"all": 1})", ""}) {
    INFO(nothing);
    CHECK(api.post("/v1/outbox/drop", nothing).status == 400);
  }
  CHECK(api.post("/v1/outbox/drop", R"({"ids": ["none"]})").status == 404);
  CHECK(api.operations.calls.size() == 3);
}

TEST_CASE("Channels tell their health", "[api]") {
  Asked api;
  const Said said = api.get("/v1/channels");
  REQUIRE(said.json["channels"].size() == 2);
  CHECK(said.json["channels"][0]["healthy"] == false);
  CHECK(said.json["channels"][0]["last_error"] == "HTTP 503 from Slack webhook");
  CHECK(said.json["channels"][1]["paused_until"].is_null());
  CHECK(api.get("/healthz").json["status"] == "ok");
}

TEST_CASE("Numbers that JSON does not have and names that are no text arrive whole", "[api]") {
  Asked api;
  api.operations.kept[0].alert.last.value = std::numeric_limits<double>::quiet_NaN();
  api.operations.kept[0].alert.last.threshold = -std::numeric_limits<double>::infinity();
  Said said = api.get("/v1/alerts");
  CHECK(said.json["alerts"][0]["value"] == "NaN");
  CHECK(said.json["alerts"][0]["threshold"] == "-Infinity");
  for (const std::string& name : alerts::test::hostile_names()) {
    AlertView& view = api.operations.kept[0];
    view.run.name = name;
    view.run.tags = {name};
    view.alert.last.message = name;
    view.alert.muted_by = name;
    view.alert.acknowledged = {at(1), name, name, Severity::info};
    api.operations.kept_silences[0].comment = name;
    api.operations.messages[0].message.last_error = name;
    api.operations.health[0].channel = name;
    said = api.get("/v1/alerts");
    const auto& alert = said.json["alerts"][0];
    CHECK(alerts::unescape_utf8(alert["message"].get<std::string>()) == name);
    CHECK(alerts::unescape_utf8(alert["acknowledged"]["comment"].get<std::string>()) == name);
    CHECK(alerts::unescape_utf8(alert["tags"][0].get<std::string>()) == name);
    CHECK(api.get("/v1/silences").status == 200);
    CHECK(api.get("/v1/outbox").status == 200);
    CHECK(api.get("/v1/channels").status == 200);
  }
}

TEST_CASE("Without a live page its address is not found, and the answer says how to have one", "[api]") {
  Asked api;
  api.handlers.set_page_login({});
  CHECK_THAT(error_of(api.post("/v1/page/login", "")),
             ContainsSubstring("serves no live page | set page.listen: 127.0.0.1:8765"));
  CHECK(api.get("/v1/page/login").allow == "POST");
}
