#include <random>

#include "daemon/simulator/graphql_document.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;
namespace graphql = redflag::daemon::graphql;

namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

int status_of(Sim& sim, const std::string& query) {
  return sim.post({{"query", query}}).status;
}

}  // namespace

TEST_CASE("Nesting without end is refused, however it is written", "[graphql][hostile]") {
  Sim sim;
  sim.add("r1");
  CHECK(status_of(sim, repeated("{a", 100000)) == 400);
  CHECK(status_of(sim, "{a(x:" + repeated("[", 100000)) == 400);
  CHECK(status_of(sim, "{a(x:" + repeated("{b:", 100000)) == 400);
  CHECK(status_of(sim, "query Q($x: " + repeated("[", 100000)) == 400);
  CHECK(status_of(sim, "{" + repeated("...{", 100000)) == 400);
}

TEST_CASE("Fragments that refer to themselves or multiply are answered in bounded time",
          "[graphql][hostile]") {
  Sim sim;
  CHECK(status_of(sim, "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A viewer { id } }") ==
        200);
  std::string bomb = "{ viewer { ...F0 } }";
  std::string chain = "{ ...G0 }";
  for (int i = 0; i < 1000; ++i) {
    const std::string next = std::to_string(i + 1);
    bomb += " fragment F" + std::to_string(i) + " on User { teams { edges { node { ...F" + next + " ...F" +
            next + " } } } }";
    chain += " fragment G" + std::to_string(i) + " on Query { ...G" + next + " }";
  }
  CHECK(status_of(sim, bomb + " fragment F1000 on User { id }") == 200);  // F1 is on User, a Team is none
  CHECK(status_of(sim, chain + " fragment G1000 on Query { viewer { id } }") == 400);
  std::string wide = "{";
  for (int i = 0; i < 30000; ++i) wide += "a" + std::to_string(i) + ":viewer{id}";
  CHECK(status_of(sim, wide + "}") == 400);
}

TEST_CASE("Asking for one long history many times over is cut off", "[graphql][hostile]") {
  Sim sim;
  auto& run = sim.add("r1");
  for (int i = 0; i < 500; ++i) run.append_row(kStart, {{"text", std::string(2000, 'x')}});
  std::string query = "{ project(name: \"proj\", entityName: \"ent\") { run(name: \"r1\") {";
  for (int i = 0; i < 400; ++i) query += " h" + std::to_string(i) + ": history";
  CHECK(status_of(sim, query + " } } }") == 400);
}

TEST_CASE("Bodies that are no request at all are answered with 400", "[graphql][hostile]") {
  Sim sim;
  ServerRequest request;
  request.method = "POST";
  request.target = "/graphql";
  for (const std::string& body :
       {std::string{}, std::string{"null"}, std::string{"[]"}, std::string{"{\"query\": 5}"},
        std::string(100000, '['), std::string("\0\xff\xfe", 3),
        std::string{"{\"query\":\"{viewer{id}}\",\"variables\":[1]}"},
        std::string{"{\"query\":\"query A{viewer{id}} query B{viewer{id}}\"}"}}) {
    request.body = body;
    CHECK(sim.wandb.answer(request).status == 400);
  }
}

TEST_CASE("Filters and specs that are garbage make an error for their field only", "[graphql][hostile]") {
  Sim sim;
  sim.add("r1");
  for (const std::string& filter :
       std::vector<std::string>{"{", "[]", "7", R"({"$or": 1})", R"({"$where": "x"})",
                                R"({"a": {"$foo": 1}})", R"({"a": {"$regex": "("}})", R"({"a": {"$in": 1}})",
                                R"({"a": {"$exists": 1}})", repeated(R"({"$and":[)", 5000)}) {
    const json all = sim.answer(
        "query Q($f: JSONString) { project(name: \"proj\", entityName: \"ent\") { name runCount(filters: $f) "
        "} }",
        {{"f", filter}});
    CHECK(all["data"]["project"]["name"] == "proj");
    CHECK(all["data"]["project"]["runCount"].is_null());
    CHECK(all["errors"][0]["path"] == json{"project", "runCount"});
  }
  const json all = sim.answer(
      "query Q($s: [JSONString!]!) { project(name: \"proj\", entityName: \"ent\") { run(name: \"r1\") { "
      "sampledHistory(specs: $s) } } }",
      {{"s", {"nonsense"}}});
  CHECK(all["errors"].size() == 1);
}

TEST_CASE("A pattern made to take for ever does not", "[graphql][hostile]") {
  Sim sim;
  RunScript script;
  script.name = std::string(5000, 'a') + "!";
  sim.add("r1", script);
  const std::string filter = R"({"displayName": {"$regex": "^(a+)+$"}})";
  CHECK(sim.project("runCount(filters: $f)", {{"f", filter}}, "($f: JSONString)")["runCount"] == 0);
}

TEST_CASE("Five thousand damaged queries never do harm", "[graphql][hostile]") {
  Sim sim;
  sim.add("r1").append_row(kStart, {{"loss", 1.5}});
  const std::string good =
      "query Q($p: String = \"proj\", $f: JSONString) { project(name: $p, entityName: \"ent\") { "
      "runCount(filters: $f) "
      "runs(first: 5, order: \"-created_at\") { edges { node { ...F } cursor } pageInfo { endCursor "
      "hasNextPage } } } } "
      "fragment F on Run { name state history(minStep: 0, maxStep: 10) sampledHistory(specs: [\"{}\"]) user "
      "{ name } } # end";
  std::mt19937 random{20261123};
  const std::string pieces[] = {"{",
                                "}",
                                "(",
                                ")",
                                "...",
                                "$",
                                "\"",
                                "\"\"\"",
                                "on",
                                "fragment",
                                "\\u",
                                "-",
                                "9999999999999999999",
                                "@skip(if:true)",
                                "\xff",
                                "null"};
  std::size_t answered = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    for (unsigned n = random() % 4 + 1; n > 0; --n) {
      const std::size_t at = random() % (text.size() + 1);
      switch (random() % 4) {
        case 0:
          text.erase(at, random() % 20);
          break;
        case 1:
          text.insert(at, pieces[random() % std::size(pieces)]);
          break;
        case 2:
          if (at < text.size()) text[at] = static_cast<char>(random() % 256);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 60));
          break;
      }
    }
    ServerRequest request;
    request.method = "POST";
    request.target = "/graphql";
    request.body = json{{"query", text}}.dump(-1, ' ', false, json::error_handler_t::replace);
    const ServerResponse response = sim.wandb.answer(request);
    const json body = json::parse(response.body);
    REQUIRE((response.status == 200 || response.status == 400));
    REQUIRE((body.contains("data") || body.contains("errors")));
    (void)graphql::parse(text);  // with its invalid UTF-8, which JSON would not have let through
    if (response.status == 200) ++answered;
  }
  CHECK(answered > 100);
}
