#include "daemon/contents/expected_steps.h"

#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

StepSeries series(std::vector<std::int64_t> steps) {
  return {{SubjectKind::representation, "/r/representations/full_finetune_mrpc"},
          "full_finetune_mrpc",
          "mrpc",
          "full_finetune",
          "",
          std::move(steps)};
}

RunProgress run(std::int64_t step, const std::string& task = "mrpc") {
  return {"key" + std::to_string(step), "full_ft_mrpc_seed42", task, "full_finetune", step};
}

bool overdue(const Observation& of) {
  for (const auto& [name, value] : of.attributes) {
    if (name == "overdue") return std::get<bool>(value);
  }
  FAIL("overdue is not told");
  return false;
}

}  // namespace

TEST_CASE(
    "a step is overdue once training has gone a whole interval beyond it, and no longer when it is there",
    "[contents][expected]") {
  ExpectedSteps expected(100);
  CHECK(expected.judge({series({100, 200, 300})}, {run(300)}, Time{}).empty());
  CHECK(expected.judge({series({100, 200, 300})}, {run(499)}, Time{}).empty());
  const auto late = expected.judge({series({100, 200, 300})}, {run(500)}, Time{});
  REQUIRE(late.size() == 1);
  CHECK(overdue(late[0]));
  CHECK(expected.judge({series({100, 200, 300})}, {run(520)}, Time{}).empty());
  const auto there = expected.judge({series({100, 200, 300, 400, 500})}, {run(540)}, Time{});
  REQUIRE(there.size() == 1);
  CHECK_FALSE(overdue(there[0]));
}

TEST_CASE("the interval is the one that the steps have, not the one that was expected",
          "[contents][expected]") {
  ExpectedSteps expected(100);
  CHECK(expected.judge({series({500, 1000, 1500})}, {run(2400)}, Time{}).empty());
  CHECK(expected.judge({series({500, 1000, 1500})}, {run(2500)}, Time{}).size() == 1);
  CHECK(usual_interval({50, 100, 150, 300, 350}) == 50);
}

TEST_CASE("steps of a run that has ended, of another task or of none are never overdue",
          "[contents][expected]") {
  ExpectedSteps expected(100);
  CHECK(expected.judge({series({100, 200})}, {}, Time{}).empty());
  CHECK(expected.judge({series({100, 200})}, {run(5000, "rte")}, Time{}).empty());
  CHECK(expected.judge({series({})}, {run(5000)}, Time{}).empty());
}

TEST_CASE("of several runs that a series may belong to the slowest decides", "[contents][expected]") {
  ExpectedSteps expected(100);
  CHECK(expected.judge({series({100, 200})}, {run(5000), run(250)}, Time{}).empty());
  CHECK(expected.judge({series({100, 200})}, {run(5000), run(450)}, Time{}).size() == 1);
}

TEST_CASE("checkpoints are a run's by the directory's name, and one alone has no interval",
          "[contents][expected]") {
  ExpectedSteps expected(100);
  StepSeries checkpoints{{SubjectKind::checkpoint, "/r/full_ft_mrpc_seed42"},
                         "full_ft_mrpc_seed42",
                         "",
                         "",
                         "full_ft_mrpc_seed42",
                         {500}};
  CHECK(expected.judge({checkpoints}, {run(5000)}, Time{}).empty());
  checkpoints.steps = {500, 1000};  // rotation: the older ones are gone
  CHECK(expected.judge({checkpoints}, {run(1999)}, Time{}).empty());
  CHECK(expected.judge({checkpoints}, {run(2000)}, Time{}).size() == 1);
}

}  // namespace redflag::daemon
