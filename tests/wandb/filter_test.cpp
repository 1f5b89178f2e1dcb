#include "daemon/wandb/run_filter.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const Time kNow = *parse_rfc3339("2026-11-23T12:00:30Z");

RunInfo example() {
  RunInfo run;
  run.id = "abc";
  run.name = "full_ft_sst2_seed42";
  run.tags = {"full_finetune", "v2"};
  run.group = "g1";
  run.state = RunState::running;
  run.created_at = kNow - 24h;
  run.config = {{"task_name", "sst2"}, {"optim", {{"lr", 2e-5}}}, {"seed", 42}};
  return run;
}

}  // namespace

TEST_CASE("an empty filter chooses every run", "[wandb][filter]") {
  CHECK(mongo_filter({}, kNow) == json::object());
  CHECK(matches({}, example(), kNow, true));
}

TEST_CASE("kinds are all needed, within a kind any one is enough", "[wandb][filter]") {
  RunFilter filter;
  filter.tags = {"full_finetune", "lora"};
  filter.names = {"full_ft_*", "lora_*"};
  CHECK(mongo_filter(filter, kNow) == json::parse(R"({"$and":[{"tags":{"$in":["full_finetune","lora"]}},
                     {"$or":[{"displayName":{"$regex":"^full_ft_.*$"}},{"displayName":{"$regex":"^lora_.*$"}}]}]})"));
  CHECK(matches(filter, example(), kNow, true));
  filter.tags = {"lora"};
  CHECK_FALSE(matches(filter, example(), kNow, true));
}

TEST_CASE("a name's glob cannot smuggle in a regular expression", "[wandb][filter]") {
  RunFilter filter;
  filter.names = {"a.b(c)?[d]*\\"};
  CHECK(mongo_filter(filter, kNow)["displayName"]["$regex"] == "^a\\.b\\(c\\).\\[d\\].*\\\\$");
}

TEST_CASE("state, group, age and config are filtered on both sides", "[wandb][filter]") {
  RunFilter filter;
  filter.states = {RunState::running};
  filter.groups = {"g1"};
  filter.max_age = 48h;
  filter.config = {{"task_name", "sst2"}, {"optim.lr", 2e-5}, {"seed", 42.0}};
  const json mongo = mongo_filter(filter, kNow);
  CHECK(mongo["$and"][2] == json::parse(R"({"createdAt":{"$gte":"2026-11-21T12:00:00Z"}})"));
  CHECK(mongo["$and"][3] == json::parse(R"({"config.task_name":"sst2"})"));
  CHECK(matches(filter, example(), kNow, true));
  auto old = example();
  old.created_at = kNow - 72h;
  CHECK_FALSE(matches(filter, old, kNow, true));
  auto other = example();
  other.config["seed"] = 7;
  CHECK_FALSE(matches(filter, other, kNow, true));
  CHECK(matches(filter, other, kNow, false));
}

TEST_CASE("the fingerprint follows the filter and not the time", "[wandb][filter]") {
  RunFilter filter;
  filter.max_age = 48h;
  const auto before = fingerprint(filter);
  CHECK(before == fingerprint(filter));
  filter.tags = {"x"};
  CHECK(before != fingerprint(filter));
  filter.tags.clear();
  filter.max_age = 49h;
  CHECK(before != fingerprint(filter));
}

}  // namespace redflag::daemon
