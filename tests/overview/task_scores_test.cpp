// Which score counts, and where it lies: the mission's P1 to P4 and W3.
#include "daemon/overview/task_scores.h"

#include <cmath>

#include "daemon/overview/traces.h"
#include "rules/packs/packs.h"
#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using test::moment;

std::shared_ptr<const RuleSet> rules_of(const std::string& overrides = {}) {
  LoadOptions options;
  options.include = [](const std::string&, const std::string& name) { return shipped_pack(name); };
  std::vector<RuleSource> sources{step3_pack()};
  if (!overrides.empty()) sources.push_back({"own.yaml", overrides, "own"});
  auto loaded = RuleSet::load(sources, options);
  if (!loaded) FAIL(loaded.error().text());
  return *loaded;
}

RunInfo run(const std::string& key, const std::string& task, const std::string& method, std::int64_t seed,
            int created = 0, RunState state = RunState::finished) {
  RunInfo info;
  info.key = info.name = key;
  info.task = task;
  info.method = method;
  info.seed = seed;
  info.state = state;
  info.created_at = moment(created);
  return info;
}

const TaskView& task_in(const std::vector<TaskView>& tasks, const std::string& name) {
  for (const TaskView& task : tasks) {
    if (task.task == name) return task;
  }
  throw std::runtime_error("no task " + name);
}

TEST_CASE("The ranges are those of the rules, with what the user changed", "[overview][tasks]") {
  const ScoreRanges shipped = score_ranges(*rules_of());
  REQUIRE(shipped.size() == 4);
  CHECK(shipped.at("mrpc").min == 0.85);
  CHECK(shipped.at("sst2").max == 0.93);
  CHECK(shipped.at("rte").critical == 0.55);
  CHECK(shipped.at("squad_v2").min == 0.75);
  const ScoreRanges own =
      score_ranges(*rules_of("pack: own\noverride:\n  tables:\n    expected:\n      mrpc: {min: 0.80, max: "
                             "0.95, critical: 0.70}\n"));
  CHECK(own.at("mrpc").min == 0.80);
  CHECK(own.at("mrpc").critical == 0.70);
  CHECK(own.at("rte").critical == 0.55);
}

TEST_CASE("Of several runs with one task, method and seed the newest that finished counts",
          "[overview][tasks]") {
  const ScoreRanges ranges = score_ranges(*rules_of());
  const RunInfo old = run("old", "mrpc", "full_finetune", 42, 1);
  const RunInfo newer = run("newer", "mrpc", "full_finetune", 42, 2);
  const RunInfo crashed = run("crashed", "mrpc", "full_finetune", 42, 3, RunState::crashed);
  const RunInfo live = run("live", "mrpc", "full_finetune", 42, 4, RunState::running);
  const RunInfo other = run("other", "mrpc", "full_finetune", 7, 0);
  const RunInfo base = run("base", "mrpc", "base_pretrained", 42, 9);
  const RunInfo lora = run("lora", "mrpc", "lora", 42, 9);
  const auto tasks = task_views(ranges, {{&old, 0.1},
                                         {&newer, 0.86},
                                         {&crashed, 0.2},
                                         {&live, 0.3},
                                         {&other, 0.88},
                                         {&base, 0.6},
                                         {&lora, 0.84}});
  const TaskView& mrpc = task_in(tasks, "mrpc");
  REQUIRE(mrpc.methods.size() == 3);
  CHECK(mrpc.methods[0].method == "full_finetune");
  REQUIRE(mrpc.methods[0].scores.size() == 2);
  CHECK(mrpc.methods[0].scores[0].run == "other");
  CHECK(mrpc.methods[0].scores[1].run == "newer");
  CHECK(mrpc.methods[1].method == "lora");
  CHECK(mrpc.methods[2].method == "base_pretrained");
  CHECK(*mrpc.best == 0.88);
  CHECK(*mrpc.average == Approx((0.86 + 0.88 + 0.84) / 3));
  CHECK(mrpc.verdict == ScoreVerdict::in_range);
}

TEST_CASE("Where an average lies is told, and above the range is no failure", "[overview][tasks]") {
  const ScoreRanges ranges = score_ranges(*rules_of());
  const RunInfo rte = run("rte", "rte", "full_finetune", 1);
  const auto verdict = [&](double value) {
    return task_in(task_views(ranges, {{&rte, value}}), "rte").verdict;
  };
  CHECK(verdict(0.54) == ScoreVerdict::critical);
  CHECK(verdict(0.55) == ScoreVerdict::below);
  CHECK(verdict(0.65) == ScoreVerdict::in_range);
  CHECK(verdict(0.75) == ScoreVerdict::in_range);
  CHECK(verdict(0.80) == ScoreVerdict::above);
  CHECK(verdict(NAN) == ScoreVerdict::none);
  const auto none = task_views(ranges, {});
  CHECK(none.size() == 4);
  CHECK(task_in(none, "squad_v2").metric == "F1");
  CHECK_FALSE(task_in(none, "squad_v2").best);
  const RunInfo base = run("b", "rte", "base_pretrained", 1);
  const auto only_base = task_views(ranges, {{&base, 0.5}});
  CHECK(task_in(only_base, "rte").verdict == ScoreVerdict::none);
  CHECK(task_in(only_base, "rte").methods.size() == 1);
  const RunInfo foreign = run("x", "cola", "full_finetune", 1);
  CHECK(task_in(task_views(ranges, {{&foreign, 0.5}}), "cola").verdict == ScoreVerdict::none);
}

TEST_CASE("A score above 1 is percent, so a collapsed 50.0 does not pass", "[overview][tasks]") {
  MetricTable metrics;
  const auto trace = [&](ObservationKind kind, std::vector<Sample> samples) {
    RunTrace one;
    Observation o;
    o.kind = kind;
    o.step = 5;
    o.samples = std::move(samples);
    kind == ObservationKind::row ? one.row(o, metrics) : one.summary(o, metrics);
    return one;
  };
  const auto row = ObservationKind::row;
  const auto squad =
      score_of("squad_v2", trace(row, {{"eval_f1", 50.0, ""}, {"eval_accuracy", 0.9, ""}}), metrics);
  REQUIRE(squad);
  CHECK(squad->value == 0.5);
  CHECK(squad->metric == "eval_f1");
  CHECK_FALSE(squad->from_summary);
  const auto mrpc = score_of("mrpc", trace(row, {{"eval_f1", 0.5, ""}, {"accuracy", 0.8, ""}}), metrics);
  REQUIRE(mrpc);
  CHECK(mrpc->metric == "accuracy");
  const auto summary =
      score_of("mrpc", trace(ObservationKind::summary, {{"eval_accuracy", 87.5, ""}}), metrics);
  REQUIRE(summary);
  CHECK(summary->value == 0.875);
  CHECK(summary->from_summary);
  CHECK_FALSE(score_of("mrpc", trace(row, {{"eval_accuracy", NAN, ""}}), metrics));
  CHECK_FALSE(score_of("mrpc", trace(row, {{"f1", 0.5, ""}}), metrics));
}

}  // namespace
}  // namespace redflag::daemon
