// What to do next is said in the order in which it matters, and there is always something to say.
#include "daemon/overview/advice.h"

#include "tests/alerts/builders.h"
#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using test::moment;

Overview healthy() {
  Overview all;
  all.now = moment(0);
  all.sources = {{"wandb:api.wandb.ai/ent/proj", "wandb", true, "", moment(-12), 3.5, 5, 1}};
  all.runs = {test::sample_run()};
  all.runs_total = all.running = 1;
  return all;
}

bool says(const Overview& all, const std::string& words) {
  for (const Advice& one : advice(all)) {
    if ((one.text + " | " + one.command).find(words) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("When all is well it says so and what comes next", "[overview][advice]") {
  Overview all = healthy();
  REQUIRE(advice(all).size() == 1);
  CHECK(says(all, "training goes on"));
  all.running = 0;
  all.finished = 1;
  CHECK(says(all, "redflag validate"));
  all.daemon.once = true;
  CHECK(says(all, "systemctl enable --now redflag"));
}

TEST_CASE("A critical alert comes before everything else, with what can be done", "[overview][advice]") {
  Overview all = healthy();
  all.failed = 1;
  all.alerts = {test::sample_alert(), test::sample_alert("other")};
  for (AlertLine& alert : all.alerts) {
    alert.acknowledged = false;
    alert.muted_by.clear();
  }
  const auto list = advice(all);
  CHECK(list.front().text == "full_ft_mrpc_seed42: lower the learning rate (1 more critical)");
  CHECK(list.front().command == "redflag alerts show 9f3c0a4b");
  CHECK(list.front().severity == Severity::critical);
  CHECK(says(all, "1 run has failed"));
  all.alerts[0].acknowledged = all.alerts[1].acknowledged = true;
  CHECK_FALSE(says(all, "lower the learning rate"));
}

TEST_CASE("Every kind of trouble has an advice", "[overview][advice]") {
  Overview all = healthy();
  all.sources[0].reachable = false;
  all.sources[0].trouble = "401 unauthorized";
  CHECK(says(all, "W&B cannot be reached: 401 unauthorized"));
  all.daemon.undurable = true;
  CHECK(says(all, "cannot write its state"));
  all.daemon.channel_troubles = {"slack: revoked"};
  CHECK(says(all, "slack: revoked | redflag outbox"));
  all.results = test::sample_overview().results;
  all.results[0].disk_free_bytes = 1;
  CHECK(says(all, "NaN in layer_3.pt"));
  CHECK(says(all, "1 extraction step is missing"));
  CHECK(says(all, "base model's representations of rte"));
  CHECK(says(all, "the next checkpoint may not fit"));
  all.results[0].present = false;
  all.results[0].root = "/data/it's here";
  CHECK(says(all, "ls -ld '/data/it'\\''s here'"));
  all.tasks = {{"rte", "accuracy", 0.65, 0.75, 0.55, {}, 0.5, 0.5, ScoreVerdict::critical}};
  CHECK(says(all, "rte averages 0.500 accuracy, expected is 0.65 to 0.75"));
  all.runs_total = 0;
  CHECK(says(all, "no run is known"));
  all.sources.clear();
  CHECK(says(all, "no W&B project is watched"));
  CHECK(advice(all).size() <= 12);
}

TEST_CASE("One sentence says how things stand", "[overview][advice]") {
  Overview all = healthy();
  CHECK(in_a_sentence(all) == "nothing fires; 1 run is live");
  all.firing = {2, 1, 0};
  all.sources[0].reachable = false;
  CHECK(in_a_sentence(all) ==
        "2 critical alerts and 1 warning; 1 of 1 source cannot be reached; 1 run is live");
  CHECK(in_a_sentence(Overview{}) == "nothing fires; no run is known");
}

}  // namespace
}  // namespace redflag::daemon
