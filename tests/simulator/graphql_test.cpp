#include "daemon/simulator/graphql_document.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;
namespace graphql = redflag::daemon::graphql;

TEST_CASE("A query gets exactly the fields it asks for, under their aliases", "[graphql]") {
  Sim sim;
  sim.add("r1");
  const json run = sim.run("r1", "who: name state");
  CHECK(run == json{{"who", "r1"}, {"state", "running"}});
}

TEST_CASE("Two runs can be asked for in one request by aliases", "[graphql]") {
  Sim sim;
  sim.add("a").append_row(kStart, {{"loss", 1}});
  sim.add("b").append_row(kStart, {{"loss", 2}});
  const json both =
      sim.project("x: run(name: \"a\") { n: historyLineCount name } y: run(name: \"b\") { name }");
  CHECK(both["x"] == json{{"n", 1}, {"name", "a"}});
  CHECK(both["y"]["name"] == "b");
}

TEST_CASE("Fragments, inline fragments and __typename are answered", "[graphql]") {
  Sim sim;
  sim.add("r1");
  const json all = sim.answer(
      "query Q { project(name: \"proj\", entityName: \"ent\") { __typename run(name: \"r1\") { ...A ... on "
      "Run { state } "
      "... on Sweep { nothing } ... @include(if: false) { notes } } } } fragment A on Run { name user { ...U "
      "} } "
      "fragment U on User { username }");
  CHECK(all["data"]["project"]["__typename"] == "Project");
  CHECK(all["data"]["project"]["run"] ==
        json{{"name", "r1"}, {"state", "running"}, {"user", {{"username", "demo"}}}});
}

TEST_CASE("Variables take their defaults, and a missing required one is refused", "[graphql]") {
  Sim sim;
  for (const char* id : {"a", "b", "c"}) sim.add(id);
  const std::string query =
      "query Q($p: String!, $first: Int = 2) { project(name: $p, entityName: \"ent\") { runs(first: $first) "
      "{ edges { node { name } } } } }";
  CHECK(sim.answer(query, {{"p", "proj"}})["data"]["project"]["runs"]["edges"].size() == 2);
  CHECK(sim.answer(query, {{"p", "proj"}, {"first", 1}})["data"]["project"]["runs"]["edges"].size() == 1);
  CHECK(sim.post({{"query", query}, {"variables", json::object()}}).status == 400);
  CHECK(sim.post({{"query", query}, {"variables", {{"p", 7}}}}).status == 400);
}

TEST_CASE("A field or argument that W&B does not have is refused by name", "[graphql]") {
  Sim sim;
  sim.add("r1");
  const auto refusal = [&](const std::string& fields) {
    const ServerResponse response =
        sim.post({{"query", "{ project(name: \"proj\", entityName: \"ent\") { " + fields + " } }"}});
    CHECK(response.status == 400);
    return response.body;
  };
  CHECK_THAT(refusal("run(name: \"r1\") { lossCurve }"), ContainsSubstring("lossCurve"));
  CHECK_THAT(refusal("run(name: \"r1\") { history(from: 3) }"), ContainsSubstring("from"));
  CHECK_THAT(refusal("run(name: \"r1\")"), ContainsSubstring("selection"));
  CHECK_THAT(refusal("run(name: \"r1\") { state { x } }"), ContainsSubstring("state"));
  CHECK_THAT(refusal("run(name: $x) { state }"), ContainsSubstring("$x"));
}

TEST_CASE("A project or run that does not exist is null, not an error", "[graphql]") {
  Sim sim;
  sim.add("r1");
  const json all = sim.answer("{ project(name: \"nope\", entityName: \"ent\") { name } }");
  CHECK(all["data"]["project"].is_null());
  CHECK_FALSE(all.contains("errors"));
  CHECK(sim.run("nope", "name").is_null());
}

TEST_CASE("The server tells its types to a client that probes for them", "[graphql]") {
  Sim sim;
  const json type = sim.answer(
      "{ q: __type(name: \"Query\") { name fields { name args { name } } } none: __type(name: \"X\") { name "
      "} }")["data"];
  CHECK(type["q"]["name"] == "Query");
  CHECK(type["none"].is_null());
  const bool has_project =
      std::any_of(type["q"]["fields"].begin(), type["q"]["fields"].end(),
                  [](const json& field) { return field["name"] == "project" && field["args"].size() == 2; });
  CHECK(has_project);
}

TEST_CASE("A syntax error says where it is", "[graphql]") {
  const auto error_of = [](const char* text) { return graphql::parse(text).error().what; };
  CHECK_THAT(error_of("query Q {\n  viewer { \n"), ContainsSubstring("line 3"));
  CHECK_THAT(error_of("{ viewer(x: ) { id } }"), ContainsSubstring("column 13"));
  CHECK_THAT(error_of("{ a(s: \"unclosed) }"), ContainsSubstring("does not end"));
  CHECK_THAT(error_of(""), ContainsSubstring("no operation"));
}

TEST_CASE("Strings are decoded as GraphQL says", "[graphql]") {
  const auto text_of = [](const std::string& literal) {
    return graphql::parse("{ a(s: " + literal + ") }")
        .value()
        .operations[0]
        .selections[0]
        .arguments[0]
        .value.text;
  };
  CHECK(text_of("\"a\\n\\\"b\\u00e9\\ud83d\\ude00\"") == "a\n\"b\xC3\xA9\xF0\x9F\x98\x80");
  CHECK(text_of("\"\"\"\n    one\n      two\n    \"\"\"") == "one\n  two");
}
