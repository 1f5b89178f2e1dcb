// Real requests of two generations of the W&B client, when they are at hand.
#include <fstream>

#include "daemon/simulator/graphql_document.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;
namespace graphql = redflag::daemon::graphql;

namespace {

/// Every selected field is a key of the answer, all the way down; where there is data to look at.
void check_present(const graphql::Document& document, const std::vector<graphql::Selection>& selections,
                   const json& data, const std::string& where) {
  if (data.is_array()) {
    for (const json& item : data) check_present(document, selections, item, where + "[]");
    return;
  }
  if (data.is_null()) return;
  INFO(where);
  REQUIRE(data.is_object());
  for (const auto& selection : selections) {
    if (selection.kind == graphql::Selection::Kind::fragment_spread) {
      check_present(document, document.fragments.at(selection.name).selections, data, where);
    } else if (selection.kind == graphql::Selection::Kind::inline_fragment) {
      check_present(document, selection.selections, data, where);
    } else {
      const std::string path = where + "." + selection.alias;
      INFO(path);
      REQUIRE(data.contains(selection.alias));
      if (!selection.selections.empty())
        check_present(document, selection.selections, data[selection.alias], path);
    }
  }
}

std::vector<std::filesystem::path> recorded_files() {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it{samples() / "wandb" / "requests", error}, end;
       it != end; it.increment(error)) {
    if (it->path().extension() == ".json") files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The project that the requests were recorded against, as far as they show it.
void add_recorded_project(Sim& sim) {
  RunScript script;
  script.id = "r1";
  script.name = "train-r1";
  script.tags = {"t1", "t2"};
  script.group = "g";
  script.notes = "a note";
  script.config = {{"lr", 0.0003}};
  for (int i = 0; i < 300; ++i) script.rows.push_back({0s, {{"train_loss", 4.0 - i * 0.006}}, {}});
  script.events.push_back({0s, {{"system.cpu", 1.5}}, {}});
  script.states.push_back({0s, "finished"});
  script.created = kStart - 60s;
  auto& run = sim.wandb.add_run("ent", "samples", script);
  run.set_file("output.log", "abc", kStart);
}

}  // namespace

TEST_CASE("Every request that the real client was seen to send gets every field it asks for",
          "[wandb][samples]") {
  const auto files = recorded_files();
  if (files.empty()) {
    WARN("no recorded requests here: nothing checked");
    return;
  }
  Sim sim;
  add_recorded_project(sim);
  for (const auto& file : files) {
    INFO(file.string());
    const json recorded = json::parse(std::ifstream{file});
    const json& request = recorded["request"];
    const ServerResponse response = sim.post(request);
    INFO(response.body.substr(0, 500));
    REQUIRE(response.status == 200);
    const json answer = json::parse(response.body);
    CHECK_FALSE(answer.contains("errors"));
    const auto document = graphql::parse(request["query"].get<std::string>());
    REQUIRE(document.has_value());
    check_present(*document, document->operations[0].selections, answer["data"], recorded["operation"]);
    const bool unknown_run = request["variables"].value("name", "") == "nope";
    if (answer["data"].contains("project")) {
      REQUIRE(answer["data"]["project"].is_object());
      if (answer["data"]["project"].contains("run"))
        CHECK(answer["data"]["project"]["run"].is_null() == unknown_run);
    }
    // The samples' own answers, where they are whole: the same shape of data.
    const json& stand_in = recorded["response_of_a_stand_in"];
    if (recorded["operation"] == "SampledHistoryPage") {
      const json& theirs = stand_in["project"]["run"]["sampledHistory"][0];
      const json& ours = answer["data"]["project"]["run"]["sampledHistory"][0];
      CHECK(ours[0]["_step"] == theirs[0]["_step"]);
    }
  }
}
