#include <limits>

#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;

namespace {

SimulatedRun& run_with_rows(Sim& sim, int rows) {
  auto& run = sim.add("r1");
  for (int i = 0; i < rows; ++i) run.append_row(kStart, {{"loss", i * 0.5}});
  return run;
}

std::vector<int> steps_of(const json& rows) {
  std::vector<int> steps;
  for (const json& row : rows)
    steps.push_back((row.is_string() ? json::parse(row.get<std::string>()) : row)["_step"].get<int>());
  return steps;
}

}  // namespace

TEST_CASE("History is rows of JSON text from minStep up to but without maxStep", "[wandb][history]") {
  Sim sim;
  run_with_rows(sim, 10);
  const json rows = sim.run("r1", "history(minStep: 3, maxStep: 6, samples: 100)")["history"];
  CHECK(steps_of(rows) == std::vector{3, 4, 5});
  CHECK(json::parse(rows[0].get<std::string>())["loss"] == 1.5);
}

TEST_CASE("Sampled history includes maxStep and drops rows that lack a key", "[wandb][history]") {
  Sim sim;
  auto& run = run_with_rows(sim, 6);
  run.append_row(kStart, {{"loss", 9.0}, {"eval/loss", 0.5}});
  const auto ask = [&](const json& spec) {
    return sim.project("run(name: \"r1\") { sampledHistory(specs: [$s]) }", {{"s", spec.dump()}},
                       "($s: JSONString!)")["run"]["sampledHistory"];
  };
  CHECK(steps_of(ask({{"keys", {"_step", "loss"}}, {"minStep", 2}, {"maxStep", 4}, {"samples", 50}})[0]) ==
        std::vector{2, 3, 4});
  const json both = ask({{"keys", {"_step", "loss", "eval/loss"}}, {"samples", 50}})[0];
  CHECK(both == json::array({{{"_step", 6}, {"loss", 9.0}, {"eval/loss", 0.5}}}));
}

TEST_CASE("Each spec of a sampled history has its own list", "[wandb][history]") {
  Sim sim;
  run_with_rows(sim, 3);
  const json lists = sim.project("run(name: \"r1\") { sampledHistory(specs: $s) }",
                                 {{"s", {R"({"keys":["loss"]})", R"({"keys":["nope"]})"}}},
                                 "($s: [JSONString!]!)")["run"]["sampledHistory"];
  CHECK(lists[0].size() == 3);
  CHECK(lists[1].empty());
}

TEST_CASE("More rows than samples means a random sample, not the first rows", "[wandb][history]") {
  Sim sim;
  run_with_rows(sim, 2000);
  const auto steps = steps_of(sim.run("r1", "history(samples: 100)")["history"]);
  CHECK(steps.size() == 100);
  CHECK(std::is_sorted(steps.begin(), steps.end()));
  CHECK(steps.back() > 1000);
  CHECK(steps != steps_of(sim.run("r1", "history(minStep: 0, maxStep: 100, samples: 100)")["history"]));
}

TEST_CASE("Numbers that are not finite are answered as texts", "[wandb][history]") {
  Sim sim;
  auto& run = sim.add("r1");
  const double inf = std::numeric_limits<double>::infinity();
  run.append_row(
      kStart, {{"a", std::nan("")}, {"b", inf}, {"c", -inf}, {"d", {{"e", std::nan("")}}}, {"f", nullptr}});
  const json row = json::parse(sim.run("r1", "history")["history"][0].get<std::string>());
  CHECK(row["a"] == "NaN");
  CHECK(row["b"] == "Infinity");
  CHECK(row["c"] == "-Infinity");
  CHECK(row["d"]["e"] == "NaN");
  CHECK(row["f"].is_null());
  CHECK(json::parse(sim.run("r1", "summaryMetrics")["summaryMetrics"].get<std::string>())["a"] == "NaN");
}

TEST_CASE("A scripted row is seen when its time has come and not before", "[wandb][history]") {
  Sim sim;
  RunScript script;
  script.rows.push_back({10s, {{"loss", 1.0}}, 4s});
  script.rows.push_back({20s, {{"loss", 0.5}}, std::nullopt});
  script.states.push_back({30s, "finished"});
  sim.add("r1", script);
  CHECK(sim.run("r1", "historyLineCount state") == json{{"historyLineCount", 0}, {"state", "running"}});
  CHECK(sim.run("r1", "historyKeys")["historyKeys"]["lastStep"] == -1);
  sim.pass(10s);
  const json row = json::parse(sim.run("r1", "history")["history"][0].get<std::string>());
  CHECK(row["_timestamp"] == redflag::to_unix_seconds(kStart + 4s));
  CHECK(row["_runtime"] == 4.0);
  sim.pass(9999ms);
  CHECK(sim.run("r1", "historyLineCount")["historyLineCount"] == 1);
  sim.pass(1ms);
  CHECK(sim.run("r1", "historyLineCount")["historyLineCount"] == 2);
  sim.pass(10s);
  CHECK(sim.run("r1", "state")["state"] == "finished");
}

TEST_CASE("The summary holds the last value of each metric, and follows a clock that goes back",
          "[wandb][history]") {
  Sim sim;
  auto& run = sim.add("r1");
  run.append_row(kStart, {{"loss", 2.0}, {"acc", 0.5}});
  run.append_row(kStart + 60s, {{"loss", 1.0}});
  run.set_summary(kStart + 120s, {{"best", 0.9}});
  const auto summary = [&] {
    return json::parse(sim.run("r1", "summaryMetrics")["summaryMetrics"].get<std::string>());
  };
  sim.pass(60s);
  CHECK(summary()["loss"] == 1.0);
  CHECK(summary()["acc"] == 0.5);
  CHECK_FALSE(summary().contains("best"));
  sim.pass(60s);
  CHECK(summary()["best"] == 0.9);
  sim.clock.jump_wall_clock(-100s);
  CHECK(summary()["loss"] == 2.0);
  CHECK(summary()["_step"] == 0);
}

TEST_CASE("The heart beats while the run lives, and stops when it dies though the state lies",
          "[wandb][state]") {
  Sim sim;
  RunScript script;
  script.heart_stops = 95s;
  sim.add("r1", script);
  auto& liar = *sim.wandb.find("ent", "proj", "r1");
  liar.set_state(kStart + 400s, "crashed");
  liar.claim_state(kStart + 400s, kStart + 1000s, "running");
  const auto beat = [&] { return sim.run("r1", "state heartbeatAt"); };
  sim.pass(70s);
  CHECK(beat() == json{{"state", "running"}, {"heartbeatAt", "2026-11-23T02:01:00Z"}});
  sim.pass(430s);
  CHECK(beat() == json{{"state", "running"}, {"heartbeatAt", "2026-11-23T02:01:35Z"}});
  sim.pass(600s);
  CHECK(beat()["state"] == "crashed");
}

TEST_CASE("Rows whose steps do not rise are still found by step", "[wandb][history]") {
  Sim sim;
  auto& run = sim.add("r1");
  for (const int step : {0, 5, 3, 9, 4}) run.append_row(kStart, {{"_step", step}});
  CHECK(steps_of(sim.run("r1", "history(minStep: 3, maxStep: 6)")["history"]) == std::vector{5, 3, 4});
  CHECK(sim.run("r1", "historyKeys")["historyKeys"]["lastStep"] == 9);
}

TEST_CASE("Console lines and files can be read in pages", "[wandb][files]") {
  Sim sim;
  auto& run = sim.add("r1");
  for (int i = 0; i < 5; ++i) run.append_log(kStart, "line " + std::to_string(i));
  run.set_file("output.log", "abc", kStart);
  run.set_file("config.yaml", "x: 1", kStart);
  const json last = sim.run("r1", "logLineCount logLines(last: 2) { edges { node { number line } } }");
  CHECK(last["logLineCount"] == 5);
  CHECK(last["logLines"]["edges"][0]["node"] == json{{"number", 3}, {"line", "line 3"}});
  const json first =
      sim.run("r1", "logLines(first: 2) { pageInfo { endCursor hasNextPage } }")["logLines"]["pageInfo"];
  CHECK(first["hasNextPage"] == true);
  const json next = sim.run("r1", "logLines(first: 9, after: \"" + first["endCursor"].get<std::string>() +
                                      "\") { edges { node { number } } }");
  CHECK(next["logLines"]["edges"].size() == 3);
  const json file =
      sim.run("r1", "fileCount files(names: [\"output.log\"]) { edges { node { name sizeBytes md5 url } } }");
  CHECK(file["fileCount"] == 2);
  CHECK(file["files"]["edges"].size() == 1);
  CHECK(file["files"]["edges"][0]["node"]["md5"] == "kAFQmDzST7DWlj99KOF/cg==");
  ServerRequest get;
  get.method = "GET";
  get.target = file["files"]["edges"][0]["node"]["url"];
  CHECK(sim.wandb.answer(get).body == "abc");
}
