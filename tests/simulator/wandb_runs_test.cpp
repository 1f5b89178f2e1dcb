#include <set>

#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;

TEST_CASE("Every run of a long project is listed exactly once, page by page", "[wandb][runs]") {
  Sim sim;
  for (int i = 0; i < 300; ++i) {
    RunScript script;
    script.created = kStart - std::chrono::minutes{i % 7};  // many with the same time
    sim.add("run" + std::to_string(i), script);
  }
  std::set<std::string> seen;
  json cursor = nullptr;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const json runs = sim.project(
        "runs(after: $c, first: 50, order: \"-created_at\") { edges { node { name } cursor } pageInfo { "
        "endCursor hasNextPage } }",
        {{"c", cursor}}, "($c: String)")["runs"];
    for (const json& edge : runs["edges"]) REQUIRE(seen.insert(edge["node"]["name"]).second);
    cursor = runs["pageInfo"]["endCursor"];
    more = runs["pageInfo"]["hasNextPage"];
  }
  CHECK(pages == 6);
  CHECK(seen.size() == 300);
}

TEST_CASE("A cursor that was never given out is an error", "[wandb][runs]") {
  Sim sim;
  sim.add("r1");
  CHECK(
      sim.answer(
             "{ project(name: \"proj\", entityName: \"ent\") { runs(after: \"xyz\") { edges { cursor } } } }")
          .contains("errors"));
}

TEST_CASE("A run that begins later is not there yet", "[wandb][runs]") {
  Sim sim;
  RunScript script;
  script.created = kStart + 60s;
  sim.add("later", script);
  CHECK(sim.project("runCount")["runCount"] == 0);
  CHECK(sim.run("later", "name").is_null());
  sim.pass(60s);
  CHECK(sim.project("runCount")["runCount"] == 1);
}

TEST_CASE("The config is served in W&B's wrappers", "[wandb][runs]") {
  Sim sim;
  RunScript script;
  script.config = {{"seed", 42}};
  sim.add("r1", script);
  CHECK(json::parse(sim.run("r1", "config")["config"].get<std::string>())["seed"]["value"] == 42);
}

TEST_CASE("A row and a state can be set as it happens", "[wandb][runs]") {
  Sim sim;
  auto& run = sim.add("r1");
  sim.pass(15s);
  sim.wandb.append_row(run, {{"loss", 0.5}});
  sim.wandb.set_state(run, "killed");
  CHECK(sim.run("r1", "state historyLineCount heartbeatAt") ==
        json{{"state", "killed"}, {"historyLineCount", 1}, {"heartbeatAt", "2026-11-23T02:00:15Z"}});
}

TEST_CASE("Only the right key gets an answer", "[wandb][auth]") {
  Sim sim;
  sim.wandb.options().api_key = "secret-key";
  ServerRequest request;
  request.method = "POST";
  request.target = "/graphql";
  request.body = R"({"query": "{ viewer { username } }"})";
  CHECK(sim.wandb.answer(request).status == 401);
  request.headers = {{"authorization", "Basic YXBpOnNlY3JldC1rZXk="}};
  CHECK(sim.wandb.answer(request).status == 200);
  request.headers = {{"Authorization", "Basic YXBpOndyb25nLWtleQ=="}};
  const ServerResponse refused = sim.wandb.answer(request);
  CHECK(refused.status == 401);
  CHECK(json::parse(refused.body).contains("error"));
  CHECK_THAT(refused.body, !ContainsSubstring("secret"));
}

TEST_CASE("The API can live under a path of its own", "[wandb]") {
  Sim sim;
  sim.wandb.options().path_prefix = "/wandb";
  ServerRequest request;
  request.method = "POST";
  request.body = R"({"query": "{ viewer { username } }"})";
  request.target = "/wandb/graphql?x=1";
  CHECK(sim.wandb.answer(request).status == 200);
  request.target = "/graphql";
  CHECK(sim.wandb.answer(request).status == 404);
}
