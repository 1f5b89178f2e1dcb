// The table of runs: what is found, in which order, and how it is cut.
#include "daemon/page/run_list.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

RunView run(const std::string& name, RunState state, std::vector<double> loss = {}) {
  RunView view;
  view.info.key = "h/e/p/" + name;
  view.info.name = name;
  view.info.state = state;
  view.loss = std::move(loss);
  return view;
}

std::vector<RunView> some() {
  std::vector<RunView> runs{
      run("Full_ft_sst2", RunState::running, {2.0, 0.5}), run("lora_rte", RunState::finished, {1.0}),
      run("lora_sst2", RunState::crashed, {std::nan("")}), run("base_rte", RunState::failed)};
  runs[0].info.tags = {"sweep"};
  runs[0].info.seed = 42;
  runs[2].alerts.critical = 1;
  runs[3].alerts.warning = 9;
  return runs;
}

std::string names(const std::vector<RunView>& runs, const std::string& query) {
  const auto target = api::parse_target("/v1/page/runs?" + query);
  REQUIRE(target);
  const auto request = page::parse_run_list(*target);
  if (!request) return request.error().text();
  std::string text;
  for (const RunView* each : page::run_list(runs, *request).runs)
    text += (text.empty() ? "" : " ") + each->info.name;
  return text;
}

}  // namespace

TEST_CASE("Words are looked for everywhere, in small and capital letters, and all have to be there",
          "[page][runs]") {
  const auto runs = some();
  CHECK(names(runs, "text=full") == "Full_ft_sst2");
  CHECK(names(runs, "text=LORA+rte") == "lora_rte");
  CHECK(names(runs, "text=sweep+seed42") == "Full_ft_sst2");
  CHECK(names(runs, "text=+") == "Full_ft_sst2 lora_rte lora_sst2 base_rte");
  CHECK(names(runs, "text=nothing").empty());
}

TEST_CASE("States are those that people ask for", "[page][runs]") {
  const auto runs = some();
  CHECK(names(runs, "state=live") == "Full_ft_sst2");
  CHECK(names(runs, "state=failed") == "lora_sst2 base_rte");
  CHECK(names(runs, "state=flagged") == "lora_sst2 base_rte");
  CHECK_THAT(names(runs, "state=dead"), ContainsSubstring("states are live, finished, failed, flagged"));
}

TEST_CASE("What is not known comes last, whichever way it is sorted", "[page][runs]") {
  const auto runs = some();
  CHECK(names(runs, "sort=loss") == "Full_ft_sst2 lora_rte lora_sst2 base_rte");
  CHECK(names(runs, "sort=loss&descending=1") == "lora_rte Full_ft_sst2 lora_sst2 base_rte");
  CHECK(names(runs, "sort=alerts&descending=1") == "lora_sst2 base_rte Full_ft_sst2 lora_rte");
  CHECK(names(runs, "sort=name") == "base_rte Full_ft_sst2 lora_rte lora_sst2");
  CHECK_THAT(names(runs, "sort=colour"), ContainsSubstring("there is no order \"colour\""));
}

TEST_CASE("A page past the end is the last one", "[page][runs]") {
  const auto runs = some();
  CHECK(names(runs, "limit=3&offset=3") == "base_rte");
  CHECK(names(runs, "limit=3&offset=300") == "base_rte");
  CHECK(names({}, "limit=3&offset=300").empty());
  CHECK(names(runs, "limit=0").find("limit") != std::string::npos);
}

TEST_CASE("A row has what the table shows, without the run's many metrics", "[page][runs]") {
  auto runs = some();
  runs[0].latest.push_back({"train_loss", 0.5, 10});
  const auto json =
      nlohmann::json::parse(page::run_list_json(page::run_list(runs, page::RunListRequest{}), runs.size()));
  CHECK(json["total"] == 4);
  CHECK(json["matching"] == 4);
  CHECK(json["runs"][0]["name"] == "Full_ft_sst2");
  CHECK(json["runs"][0]["alerts"]["critical"] == 0);
  CHECK(json["runs"][2]["loss"][0] == "NaN");
  CHECK_FALSE(json["runs"][0].contains("latest"));
}
