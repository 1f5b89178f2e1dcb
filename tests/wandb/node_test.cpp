#include "daemon/wandb/run_cursor.h"
#include "daemon/wandb/run_node.h"
#include "tests/support/catch.h"

namespace redflag::daemon {

using nlohmann::json;

TEST_CASE("a run is read from the fields as the service sends them", "[wandb][node]") {
  RunInfo run;
  run.id = "r1";
  apply_node(
      json::parse(
          R"({"name":"r1","displayName":"full_ft_mrpc_seed42","state":"running","group":"g","jobType":"train",
      "createdAt":"2026-11-23T02:56:39","heartbeatAt":"2026-11-23T02:56:40Z","tags":["t1",null,"t2"],
      "config":"{\"lr\":{\"value\":0.0003},\"model\":{\"value\":{\"dim\":512}},\"_wandb\":{\"value\":{}},\"plain\":3,\"d\":{\"desc\":null,\"value\":NaN}}"})"),
      run);
  CHECK(run.name == "full_ft_mrpc_seed42");
  CHECK(run.state == RunState::running);
  CHECK(run.tags == std::vector<std::string>{"t1", "t2"});
  CHECK(run.created_at == *parse_rfc3339("2026-11-23T02:56:39Z"));
  CHECK(run.config == json::parse(R"({"lr":0.0003,"model":{"dim":512},"plain":3,"d":"NaN"})"));
  CHECK(run.task == "mrpc");
  CHECK(run.seed == 42);
}

TEST_CASE("fields that are missing leave what was known", "[wandb][node]") {
  RunInfo run;
  run.id = "r1";
  run.name = "n";
  run.config = {{"a", 1}};
  run.state = RunState::running;
  run.heartbeat_at = Time{std::chrono::seconds{5}};
  apply_node(json::parse(R"({"name":"r1","heartbeatAt":null,"tags":null})"), run);
  CHECK(run.name == "n");
  CHECK(run.config == json{{"a", 1}});
  CHECK(run.state == RunState::running);
  CHECK(run.heartbeat_at == Time{std::chrono::seconds{5}});
  apply_node(json::parse(R"({"displayName":null,"state":"levitating","config":{"b":{"value":2}}})"), run);
  CHECK(run.name == "r1");
  CHECK(run.state == RunState::unknown);
  CHECK(run.config == json{{"b", 2}});
}

TEST_CASE("the last step is read as it comes, or is not known", "[wandb][node]") {
  CHECK(node_last_step(json::parse(R"({"historyKeys":{"lastStep":299.0}})")) == 299);
  CHECK(node_last_step(json::parse(R"({"historyKeys":"{\"lastStep\":12}"})")) == 12);
  CHECK(node_last_step(json::parse(R"({"historyKeys":null})")) == -1);
  CHECK(node_last_step(json::parse(R"({"historyKeys":{"lastStep":"NaN"}})")) == -1);
  CHECK_FALSE(node_last_step(json::parse(R"({"name":"x"})")));
  CHECK_FALSE(node_last_step(json::parse(R"([1])")));
}

TEST_CASE("a cursor survives being written down", "[wandb][cursor]") {
  RunCursor cursor;
  cursor.next_step = 12345;
  cursor.ended = true;
  cursor.own_gpu = true;
  cursor.heartbeat_at = Time{std::chrono::microseconds{1795402600143409}};
  CHECK(RunCursor::restored(cursor.serialize()) == cursor);
  ProjectCursor project;
  project.listed = true;
  project.filter = "abc";
  project.first_seen = cursor.heartbeat_at;
  project.followed = {"a", "b\"c"};
  CHECK(ProjectCursor::restored(project.serialize()) == project);
  for (const char* text :
       {"", "nonsense", "[]", R"({"next":"x","attempt":7,"ended":1})", R"({"next":-4,"followed":3})"}) {
    INFO(text);
    CHECK(RunCursor::restored(text) == RunCursor{});
    CHECK(ProjectCursor::restored(text) == ProjectCursor{});
  }
}

}  // namespace redflag::daemon
