// The read-only routes: what comes out can be read back, and bad questions get an answer that helps.
#include "daemon/overview/overview_json.h"
#include "tests/api/api_helpers.h"

using namespace redflag;
using namespace redflag::test;

namespace {

nlohmann::json plain(const nlohmann::ordered_json& json) {
  return nlohmann::json::parse(json.dump());
}

}  // namespace

TEST_CASE("The overview that the API answers can be read back", "[api][views]") {
  Asked api;
  const Said said = api.ask("GET", "/v1/overview");
  CHECK(said.status == 200);
  const auto overview = overview_from(plain(said.json));
  REQUIRE(overview);
  CHECK(json_of(*overview) == json_of(api.views.shown.overview));
  CHECK(api.ask("GET", "/v1/overview?runs=1").json["runs"].size() == 1);
  CHECK(api.ask("GET", "/v1/overview?runs=0").status == 400);
  CHECK(api.ask("GET", "/v1/overview?run=1").json["error"]["advice"] == "did you mean \"runs\"?");
  CHECK(api.ask("POST", "/v1/overview").status == 405);
}

TEST_CASE("The evidence that the API answers can be read back", "[api][views]") {
  Asked api;
  const auto evidence = evidence_from(plain(api.ask("GET", "/v1/evidence").json));
  REQUIRE(evidence);
  CHECK(plain(json_of(*evidence)) == plain(json_of(api.views.shown)));
}

TEST_CASE("With thousands of runs the overview is still one whole answer", "[api][views]") {
  Asked api;
  RunView run = api.views.shown.overview.runs.front();
  for (const std::string& name : alerts::test::hostile_names()) {
    run.info.name = name;
    run.info.group = R"("runs":[])" + name;
    api.views.shown.overview.runs.push_back(run);
  }
  api.views.shown.overview.runs.resize(3000, run);
  api.views.shown.overview.sources.front().trouble = R"(","runs":[])";
  const auto overview = overview_from(plain(api.ask("GET", "/v1/overview?runs=100000").json));
  REQUIRE(overview);
  REQUIRE(overview->runs.size() == 3000);
  CHECK(overview->sources.front().trouble == R"(","runs":[])");
  for (std::size_t i = 0; i < 40 && i < alerts::test::hostile_names().size(); ++i)
    CHECK(overview->runs[i + 2].info.name == alerts::test::hostile_names()[i]);
}

TEST_CASE("Runs can be asked for by state and by matchers", "[api][views]") {
  Asked api;
  api.views.shown.overview.runs[1].info.state = RunState::crashed;
  const auto names = [&](const std::string& query) {
    const Said said = api.ask("GET", "/v1/runs" + query);
    CHECK(said.status == 200);
    std::string text;
    for (const auto& run : said.json["runs"]) text += run["name"].get<std::string>() + ' ';
    return text + std::to_string(said.json["total"].get<int>());
  };
  api.views.shown.overview.runs_total = 2;
  CHECK(names("") == "full_ft_mrpc_seed42 lora_rte_seed1337 2");
  CHECK(names("?limit=1") == "full_ft_mrpc_seed42 2");
  CHECK(names("?state=crashed") == "lora_rte_seed1337 1");
  CHECK(names("?state=crashed&state=running") == "full_ft_mrpc_seed42 lora_rte_seed1337 2");
  CHECK(names("?match=run%3Dlora_*") == "lora_rte_seed1337 1");
  CHECK(names("?match=tag%3Dfull_finetune&state=failed") == "0");
  CHECK(api.ask("GET", "/v1/runs?state=flying").status == 400);
  CHECK(api.ask("GET", "/v1/runs?match=x").status == 400);
}

TEST_CASE("A run is found by its key, whatever is in it", "[api][views]") {
  Asked api;
  const Said run = api.ask("GET", "/v1/runs/api.wandb.ai%2Fent%2Fproj%2Ffull_ft_mrpc_seed42");
  CHECK(run.status == 200);
  CHECK(run.json["run"]["config"]["max_steps"] == 1000);
  CHECK(api.ask("GET", "/v1/runs/zeta").status == 404);
  CHECK(api.ask("GET", "/v1/runs/%00%ff%1b").status == 404);
  CHECK(api.ask("GET", "/v1/runs/x/curve").json["error"]["code"] == "unknown_path");
}

TEST_CASE("What is wanted of curves reaches whoever reads them", "[api][views]") {
  Asked api;
  const Said said = api.ask("GET",
                            "/v1/runs/api.wandb.ai%2Fent%2Fproj%2Ffull_ft_mrpc_seed42/"
                            "curves?metric=a&metric=b&points=7&from=0&to=9");
  CHECK(said.status == 200);
  REQUIRE(curves_from(plain(said.json["curves"])));
  REQUIRE(api.views.asked.size() == 1);
  CHECK(api.views.asked[0].metrics == std::vector<std::string>{"a", "b"});
  CHECK(api.views.asked[0].points == 7);
  CHECK(api.views.asked[0].from_step == 0);
  CHECK(api.views.asked[0].to_step == 9);
  for (const char* bad : {"from=-1", "to=x", "points=0", "points=999999", "from=1.5", "from="})
    CHECK(api.ask("GET", std::string("/v1/runs/x/curves?") + bad).status == 400);
  CHECK(api.ask("GET", "/v1/runs/x/curves").status == 404);
}
