// Everything that can be wrong with a request is answered with what is wrong, and changes nothing.
#include "daemon/api/bodies.h"
#include "tests/api/api_helpers.h"

using namespace redflag;
using namespace redflag::test;

namespace {

/// POST /v1/silences with this body: the error.
std::string silence_error(const std::string& body) {
  Asked api;
  const Said said = api.post("/v1/silences", body);
  CHECK(said.status == 400);
  CHECK(api.operations.calls.empty());
  return error_of(said);
}

}  // namespace

TEST_CASE("A path that is not there is answered with the one that was meant", "[api]") {
  Asked api;
  const Said said = api.get("/v1/alert");
  CHECK(said.status == 404);
  CHECK_THAT(error_of(said),
             ContainsSubstring("unknown_path: there is nothing at /v1/alert | did you mean /v1/alerts?"));
  CHECK_THAT(error_of(api.get("/v2/alerts")), ContainsSubstring("did you mean /v1/alerts?"));
  for (const char* odd : {"/", "//", "/v1//ack", "/v1/alerts//ack", "/v1/alerts//", "//v/////",
                          "/v1/outbox/retry/x", "/nothing/like/this"}) {
    INFO(odd);
    CHECK(api.get(odd).status == 404);
  }
  CHECK(api.get("v1/alerts").status == 400);
  CHECK(api.get("/v1/alerts/%zz").status == 400);
  CHECK(api.get("/v1/alerts/%4").status == 400);
  CHECK(api.get("/" + std::string(300, 'a') + "%ff%00").status == 404);
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "/a";
  CHECK(api.get(deep).status == 400);
}

TEST_CASE("A method that a path does not have is answered with those it has", "[api]") {
  Asked api;
  Said said = api.ask("PUT", "/v1/alerts/9f3c/ack");
  CHECK(said.status == 405);
  CHECK(said.allow == "POST, DELETE");
  CHECK_THAT(error_of(said), ContainsSubstring("method_not_allowed: PUT /v1/alerts/9f3c/ack"));
  said = api.ask("DELETE", "/v1/outbox");
  CHECK(said.status == 405);
  CHECK(said.allow == "GET");
  CHECK(api.ask("HEAD", "/v1/alerts").status == 200);
  CHECK(api.operations.calls.empty());
}

TEST_CASE("A query that a path does not take is an error, not ignored", "[api]") {
  Asked api;
  CHECK_THAT(error_of(api.get("/v1/alerts?stat=firing")), ContainsSubstring("did you mean \"state\"?"));
  CHECK_THAT(error_of(api.get("/v1/alerts?state=fired")),
             ContainsSubstring("states are firing, pending, ended"));
  CHECK_THAT(error_of(api.get("/v1/silences?state=firing")),
             ContainsSubstring("states are active, pending, ended"));
  CHECK_THAT(error_of(api.get("/v1/alerts?limit=1&limit=2")), ContainsSubstring("\"limit\" is there twice"));
  CHECK_THAT(error_of(api.get("/v1/alerts?match=rul%3Dx")), ContainsSubstring("there is no label \"rul\""));
  CHECK_THAT(error_of(api.get("/v1/alerts?match=x")), ContainsSubstring("is not LABEL=VALUE"));
  CHECK_THAT(error_of(api.get("/v1/channels?x=1")), ContainsSubstring("it takes none"));
  CHECK_THAT(error_of(api.post("/v1/silences?preview=maybe", "{}")), ContainsSubstring("write 1 or 0"));
  CHECK(api.get("/v1/alerts?match=rule%3D" + std::string(2000, 'x')).status == 400);
  std::string many = "/v1/alerts?state=firing";
  for (int i = 0; i < 70; ++i) many += "&match=rule%3Da";
  CHECK_THAT(error_of(api.get(many)), ContainsSubstring("70 matchers are too many"));
}

TEST_CASE("A body that is no JSON, or not an object, says so", "[api]") {
  CHECK_THAT(silence_error(""), ContainsSubstring("malformed: reading the request's body: it is not JSON"));
  CHECK_THAT(silence_error("{\"matchers\": [\"rule=x\"], "), ContainsSubstring("parse error"));
  CHECK_THAT(silence_error("[]"), ContainsSubstring("it is a list, not an object"));
  CHECK_THAT(silence_error("null"), ContainsSubstring("it is null, not an object"));
  CHECK_THAT(silence_error("1e999"), ContainsSubstring("it is not JSON"));
  CHECK_THAT(silence_error("{\"matchers\": [\"rule=\xff\"]}"), ContainsSubstring("it is not JSON"));
  CHECK_THAT(silence_error(std::string("{\0}", 3)), ContainsSubstring("it is not JSON"));
  CHECK_THAT(silence_error("{}{}"), ContainsSubstring("it is not JSON"));
  CHECK_THAT(silence_error(std::string(200'000, '[')), ContainsSubstring("malformed"));
  CHECK_THAT(silence_error(std::string(200'000, '[') + std::string(200'000, ']')),
             ContainsSubstring("nested too deeply"));
  std::string objects = "1";
  for (int i = 0; i < 1000; ++i) objects = "{\"a\":" + objects + "}";
  CHECK_THAT(silence_error(objects), ContainsSubstring("nested too deeply"));
}

TEST_CASE("What is wrong with a silence is named, with what to write", "[api]") {
  const auto error = [](const std::string& inside) { return silence_error("{" + inside + "}"); };
  const std::string good = R"("matchers": ["rule=x"], "comment": "c", )";
  CHECK_THAT(error(R"("matcher": ["rule=x"])"), ContainsSubstring("did you mean \"matchers\"?"));
  CHECK_THAT(error(R"("nothing": 1)"), ContainsSubstring("keys are matchers, starts"));
  CHECK_THAT(error(R"("matchers": ["rule=x"], "matchers": ["rule=y"])"), ContainsSubstring("is there twice"));
  CHECK_THAT(error(R"("comment": "c", "duration": "1h")"), ContainsSubstring("\"matchers\" is missing"));
  CHECK_THAT(error(R"("matchers": [], "duration": "1h")"), ContainsSubstring("\"matchers\" is empty"));
  CHECK_THAT(error(R"("matchers": "rule=x", "duration": "1h")"), ContainsSubstring("\"matchers\" is a text"));
  CHECK_THAT(error(R"("matchers": [7], "duration": "1h")"), ContainsSubstring("is a number"));
  CHECK_THAT(error(R"("matchers": [""], "duration": "1h")"), ContainsSubstring("1 to 1024"));
  CHECK_THAT(error(R"("matchers": ["sevrity=x"], "duration": "1h")"), ContainsSubstring("there is no label"));
  CHECK_THAT(error(R"("matchers": ["severity>=high"], "duration": "1h")"),
             ContainsSubstring("severities are info, warning, critical"));
  CHECK_THAT(error(good + R"("duration": "")"), ContainsSubstring("write it like 30m"));
  CHECK_THAT(error(good + R"("duration": "120")"), ContainsSubstring("write it like 30m"));
  CHECK_THAT(error(good + R"("duration": 7200)"), ContainsSubstring("\"duration\" is a number"));
  CHECK_THAT(error(good + R"("duration": "0s")"), ContainsSubstring("write it like 30m"));
  CHECK_THAT(error(good + R"("duration": "-1h")"), ContainsSubstring("write it like 30m"));
  CHECK_THAT(error(good + R"("duration": "999999999999999d")"), ContainsSubstring("write it like 30m"));
  CHECK_THAT(error(good + R"("duration": "3651d")"), ContainsSubstring("3650d at most"));
  CHECK_THAT(error(good + R"("duration": "1h", "ends": "2026-11-24T00:00:00Z")"),
             ContainsSubstring("either"));
  CHECK_THAT(error(good + R"("starts": "2026-11-24T00:00:00Z")"), ContainsSubstring("either"));
  CHECK_THAT(error(good + R"("ends": "tomorrow")"), ContainsSubstring("write a time like"));
  CHECK_THAT(error(good + R"("ends": null)"), ContainsSubstring("\"ends\" is null"));
  CHECK_THAT(error(good + R"("ends": "9999-12-31T23:59:59Z")"), ContainsSubstring("it lasts too long"));
  CHECK_THAT(error(good + R"("starts": "0001-01-01T00:00:00Z", "ends": "2026-11-24T00:00:00Z")"),
             ContainsSubstring("it lasts too long"));
  CHECK_THAT(error(good + R"("ends": "2026-11-23T03:00:00Z")"),
             ContainsSubstring("it ends before it starts"));
  CHECK_THAT(error(good + R"("starts": "2026-11-23T01:00:00Z", "duration": "1h")"),
             ContainsSubstring("it ended at 2026-11-23T02:00:00Z"));
  CHECK_THAT(error(R"("matchers": ["rule=x"], "duration": "1h")"),
             ContainsSubstring("\"comment\" is missing"));
  CHECK_THAT(error(R"("matchers": ["rule=x"], "duration": "1h", "comment": " \n ")"),
             ContainsSubstring("\"comment\" is missing"));
  CHECK_THAT(error(good + R"("duration": "1h", "author": ")" + std::string(257, 'a') + "\""),
             ContainsSubstring("256 are allowed"));
  CHECK_THAT(
      error(R"("matchers": ["rule=x"], "duration": "1h", "comment": ")" + std::string(4097, 'a') + "\""),
      ContainsSubstring("4096 are allowed"));
}

TEST_CASE("Bodies with too much in them are refused", "[api]") {
  Asked api;
  std::string ids = "\"a\"";
  for (int i = 0; i < 10'000; ++i) ids += ",\"a\"";
  CHECK_THAT(error_of(api.post("/v1/outbox/retry", "{\"ids\": [" + ids + "]}")),
             ContainsSubstring("10000 are allowed"));
  CHECK_THAT(error_of(api.post("/v1/outbox/retry", "{\"ids\": [\"" + std::string(513, 'a') + "\"]}")),
             ContainsSubstring("1 to 512"));
  CHECK_THAT(error_of(api.post("/v1/outbox/retry", R"({"ids": [["a"]]})")), ContainsSubstring("is a list"));
  CHECK_THAT(error_of(api.post("/v1/outbox/retry", R"({"ids": ["a"], "all": true})")),
             ContainsSubstring("either"));
  const Said said = api.post("/v1/alerts/9f3c/ack", "{\"comment\": \"" + std::string(1 << 20, 'a') + "\"}");
  CHECK(said.status == 413);
  CHECK_THAT(error_of(api.post("/v1/alerts/9f3c/ack", R"({"by": 5})")),
             ContainsSubstring("\"by\" is a number"));
  CHECK(api.operations.calls.empty());
}
