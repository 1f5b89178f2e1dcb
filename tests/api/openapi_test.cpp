// docs/openapi.json is held against the code: every route is in it and nothing else, its examples fit its
// schemas, and so does what the API really answers.
#include "daemon/api/openapi.h"

#include <set>

#include "daemon/net/url.h"
#include "tests/api/api_helpers.h"
#include "tests/api/schema.h"

using namespace redflag;
using namespace redflag::test;
using Json = nlohmann::json;

namespace {

const Json& document() {
  static const Json kDocument = Json::parse(api::openapi_json());
  return kDocument;
}

/// The answer's schema; null when the document has none for this status.
Json schema_of(const std::string& path, const std::string& method, int status) {
  const Json& responses = document().at("paths").at(path).at(method).at("responses");
  const auto found = responses.find(std::to_string(status));
  Json response = found != responses.end() ? *found : responses.at("default");
  if (response.contains("$ref")) response = document().at("components").at("responses").at("Refused");
  return response.at("content").at("application/json").at("schema");
}

}  // namespace

TEST_CASE("Every route is described, and nothing else is", "[api][openapi]") {
  std::set<std::string> described;
  for (const auto& [path, item] : document().at("paths").items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
      described.insert(upper + " " + path);
      CHECK(operation.contains("operationId"));
      CHECK(operation.contains("summary"));
      // What stands in braces is a parameter of the path.
      CHECK((path.find('{') != std::string::npos) == item.contains("parameters"));
    }
  }
  std::set<std::string> there;
  for (const auto& [method, path] : api::Handlers::known()) there.insert(method + " " + path);
  CHECK(described == there);
  CHECK(document().at("openapi") == "3.1.0");
}

TEST_CASE("The description's examples fit its schemas", "[api][openapi]") {
  std::size_t examples = 0;
  const std::function<void(const Json&)> look = [&](const Json& node) {
    if (node.is_object() && node.contains("example") && node.contains("schema")) {
      ++examples;
      INFO(node["example"].dump());
      CHECK(misfit(document(), node["schema"], node["example"]) == "");
    }
    for (const Json& child : node) {
      if (child.is_structured()) look(child);
    }
  };
  look(document());
  CHECK(examples > 15);
}

TEST_CASE("Every reference leads somewhere", "[api][openapi]") {
  const std::function<void(const Json&)> look = [&](const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const std::string to = node["$ref"].get<std::string>();
      INFO(to);
      CHECK(document().contains(Json::json_pointer(to.substr(1))));
    }
    for (const Json& child : node) {
      if (child.is_structured()) look(child);
    }
  };
  look(document());
}

TEST_CASE("What the API answers is as described", "[api][openapi]") {
  Asked api;
  // Names as nobody would choose them, and values that JSON has no numbers for.
  api.operations.kept[0].run.name = alerts::test::hostile_names().front();
  api.operations.kept[1].alert.last.value = std::numeric_limits<double>::quiet_NaN();
  api::Probes probes(api.views, [] { return OwnHealth{}; });
  api.handlers.set_probes(&probes);
  const std::string run = percent_encode(api.views.shown.overview.runs.at(0).info.key);
  struct Call {
    std::string method, path, target, body;
    int status;
  };
  const std::vector<Call> calls{
      {"GET", "/healthz", "/healthz", "", 200},
      {"GET", "/v1/openapi.json", "/v1/openapi.json", "", 200},
      {"GET", "/v1/alerts", "/v1/alerts", "", 200},
      {"GET", "/v1/alerts", "/v1/alerts?state=nonsense", "", 400},
      {"GET", "/v1/alerts/{id}", "/v1/alerts/9f3c", "", 200},
      {"GET", "/v1/alerts/{id}", "/v1/alerts/ffff", "", 404},
      {"POST", "/v1/alerts/{id}/ack", "/v1/alerts/9f3c/ack", R"({"comment":"on it"})", 200},
      {"DELETE", "/v1/alerts/{id}/ack", "/v1/alerts/9f3c/ack", "", 200},
      {"GET", "/v1/silences", "/v1/silences", "", 200},
      {"POST", "/v1/silences", "/v1/silences?preview=1", R"({"matchers":["tag=lora"],"duration":"2h"})", 200},
      {"POST", "/v1/silences", "/v1/silences", R"({"matchers":["tag=lora"],"duration":"2h","comment":"x"})",
       201},
      {"DELETE", "/v1/silences/{id}", "/v1/silences/4f1c22", "", 200},
      {"GET", "/v1/outbox", "/v1/outbox", "", 200},
      {"POST", "/v1/outbox/retry", "/v1/outbox/retry", R"({"all":true})", 200},
      {"GET", "/v1/channels", "/v1/channels", "", 200},
      {"GET", "/v1/overview", "/v1/overview", "", 200},
      {"GET", "/v1/overview", "/v1/overview?runs=0", "", 400},
      {"GET", "/v1/runs", "/v1/runs", "", 200},
      {"GET", "/v1/runs/{id}", "/v1/runs/" + run, "", 200},
      {"GET", "/v1/runs/{id}", "/v1/runs/nobody", "", 404},
      {"GET", "/v1/runs/{id}/curves", "/v1/runs/" + run + "/curves?metric=train_loss&from=0", "", 200},
      {"GET", "/v1/evidence", "/v1/evidence", "", 200},
      {"GET", "/readyz", "/readyz", "", 200},
      {"POST", "/v1/outbox/drop", "/v1/outbox/drop", R"({"all":true})", 200},
  };
  for (const Call& call : calls) {
    const Said said = api.ask(call.method, call.target, call.body);
    INFO(call.method << " " << call.target << "\n" << said.json.dump(1));
    CHECK(said.status == call.status);
    std::string method = call.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    // Strictly: a key that is not described is one that nobody was told of.
    CHECK(misfit(document(), schema_of(call.path, method, call.status), Json::parse(said.json.dump()),
                 true) == "");
  }
}

TEST_CASE("The checker of schemas finds what does not fit", "[api][openapi]") {
  const Json schema = Json::parse(R"({"type":"object","properties":{"a":{"type":"integer","minimum":0},
      "b":{"anyOf":[{"type":"string","enum":["x"]},{"type":"null"}]},"c":{"type":"array","items":{"type":"number"}}},
      "required":["a"]})");
  const auto fits = [&](const char* value, bool strict = false) {
    return misfit(document(), schema, Json::parse(value), strict).empty();
  };
  CHECK(fits(R"({"a":1,"b":"x","c":[1,2.5]})"));
  CHECK(fits(R"({"a":1,"b":null,"d":0})"));
  CHECK_FALSE(fits(R"({"a":1,"d":0})", true));
  CHECK_FALSE(fits(R"({"b":"x"})"));
  CHECK_FALSE(fits(R"({"a":-1})"));
  CHECK_FALSE(fits(R"({"a":1.5})"));
  CHECK_FALSE(fits(R"({"a":1,"b":"y"})"));
  CHECK_FALSE(fits(R"({"a":1,"c":["1"]})"));
  CHECK_FALSE(fits("[]"));
}
