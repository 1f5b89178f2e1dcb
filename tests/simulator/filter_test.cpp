#include "daemon/simulator/mongo_filter.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;

namespace {

/// Three runs that differ in everything that can be filtered.
struct Project : Sim {
  Project() {
    RunScript a;
    a.name = "full_ft_sst2_seed42";
    a.created = kStart - 48h;
    a.tags = {"full_finetune", "sst2"};
    a.group = "g1";
    a.config = {{"seed", 42}, {"model", {{"dim", 512}}}, {"task_name", "sst2"}};
    a.rows = {{0s, {{"loss", 0.3}, {"eval/accuracy", 0.91}}, {}}};
    a.states = {{1h, "finished"}};
    add("a", a);
    RunScript b;
    b.name = "lora_rte_seed1337";
    b.created = kStart - 24h;
    b.tags = {"lora"};
    b.config = {{"seed", 1337}};
    b.rows = {{0s, {{"loss", 0.7}}, {}}};
    add("b", b);
    RunScript c;
    c.name = "full_ft_mrpc_seed2024";
    c.created = kStart;
    c.tags = {"full_finetune"};
    c.group = "g2";
    c.rows = {{0s, {{"loss", std::nan("")}}, {}}};
    c.states = {{0s, "failed"}};
    add("c", c);
  }

  /// The ids of the matching runs, oldest first.
  std::string matching(const std::string& filter, const std::string& order = "+created_at") {
    const json found =
        project("runCount(filters: $f) runs(filters: $f, order: $o) { edges { node { name } } }",
                {{"f", filter}, {"o", order}}, "($f: JSONString, $o: String)");
    std::string ids;
    for (const json& edge : found["runs"]["edges"]) ids += edge["node"]["name"].get<std::string>();
    CHECK(found["runCount"] == ids.size());
    return ids;
  }
};

}  // namespace

TEST_CASE("Runs are filtered by state, name, tag and group", "[wandb][filter]") {
  Project project;
  CHECK(project.matching("{}") == "abc");
  CHECK(project.matching(R"({"state": "finished"})") == "a");
  CHECK(project.matching(R"({"state": {"$in": ["running", "failed"]}})") == "bc");
  CHECK(project.matching(R"({"state": {"$nin": ["running", "failed"]}})") == "a");
  CHECK(project.matching(R"({"name": "b"})") == "b");
  CHECK(project.matching(R"({"displayName": {"$regex": "^full_ft_.*"}})") == "ac");
  CHECK(project.matching(R"({"display_name": {"$regex": "^FULL", "$options": "i"}})") == "ac");
  CHECK(project.matching(R"({"tags": "full_finetune"})") == "ac");
  CHECK(project.matching(R"({"tags": {"$in": ["lora", "sst2"]}})") == "ab");
  CHECK(project.matching(R"({"tags": {"$ne": "lora"}})") == "ac");
  CHECK(project.matching(R"({"group": {"$exists": true}})") == "ac");
  CHECK(project.matching(R"({"group": {"$exists": false}})") == "b");
}

TEST_CASE("Runs are filtered by config and summary, with and without the value wrapper", "[wandb][filter]") {
  Project project;
  CHECK(project.matching(R"({"config.seed": 42})") == "a");
  CHECK(project.matching(R"({"config.seed.value": {"$gte": 1000}})") == "b");
  CHECK(project.matching(R"({"config.model.dim": {"$lt": 1000}})") == "a");
  CHECK(project.matching(R"({"config.model.value.dim": 512})") == "");
  CHECK(project.matching(R"({"summary_metrics.loss": {"$lte": 0.5}})") == "a");
  CHECK(project.matching(R"({"summary_metrics.loss": "NaN"})") == "c");
  CHECK(project.matching(R"({"summary_metrics.eval/accuracy": {"$gt": 0.9}})") == "a");
}

TEST_CASE("Runs are filtered by time, in any of the usual forms", "[wandb][filter]") {
  Project project;
  CHECK(project.matching(R"({"createdAt": {"$gte": "2026-11-22T02:00:00Z"}})") == "bc");
  CHECK(project.matching(R"({"created_at": {"$lt": "2026-11-22"}})") == "a");
  CHECK(project.matching(R"({"createdAt": {"$gt": "2026-11-22T03:00:00+01:00"}})") == "c");
  CHECK(project.matching(R"({"heartbeatAt": {"$gte": "2026-11-23T01:59:00"}})") == "bc");
}

TEST_CASE("Conditions combine", "[wandb][filter]") {
  Project project;
  CHECK(
      project.matching(
          R"({"$and": [{"tags": "full_finetune"}, {"$or": [{"state": "failed"}, {"state": "running"}]}]})") ==
      "c");
  CHECK(project.matching(R"({"tags": "full_finetune", "state": {"$ne": "failed"}})") == "a");
  CHECK(project.matching(R"({"$nor": [{"state": "failed"}]})") == "ab");
  CHECK(project.matching(R"({"config.seed": {"$not": {"$gt": 100}}})") == "ac");
  CHECK(project.matching(R"({"config.seed": {"$gt": 10, "$lt": 100}})") == "a");
}

TEST_CASE("Runs come in the order asked for, those without the key last", "[wandb][filter]") {
  Project project;
  CHECK(project.matching("", "-created_at") == "cba");
  CHECK(project.matching("", "+displayName") == "cab");
  CHECK(project.matching("", "+summary_metrics.loss") == "abc");
  CHECK(project.matching("", "-summary_metrics.loss") == "bac");
  CHECK(project.matching("", "-config.seed") == "bac");
  CHECK(project.matching("", "heartbeat_at") == "abc");
}
