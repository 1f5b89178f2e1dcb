#include "daemon/runs/attempt_tracker.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

BuiltRow row(std::int64_t step, const std::string& metric, StepOrigin origin = StepOrigin::training) {
  BuiltRow built;
  built.observation.step = step;
  built.observation.samples = {{metric, 1.0, ""}};
  built.origin = origin;
  return built;
}

std::uint32_t attempt_of(AttemptTracker& tracker, BuiltRow built) {
  tracker.place(built);
  return built.observation.attempt;
}

std::int64_t step_of(AttemptTracker& tracker, BuiltRow built) {
  tracker.place(built);
  return built.observation.step;
}

}  // namespace

TEST_CASE("a run that goes back to an earlier step opens its next attempt", "[runs][attempt]") {
  AttemptTracker tracker;
  CHECK(attempt_of(tracker, row(100, "train_loss")) == 1);
  CHECK(attempt_of(tracker, row(200, "train_loss")) == 1);
  CHECK(attempt_of(tracker, row(150, "train_loss")) == 2);
  CHECK(attempt_of(tracker, row(190, "gradient_norm_total")) == 2);
  CHECK(attempt_of(tracker, row(10, "learning_rate")) == 3);
}

TEST_CASE("the same step twice, or an evaluation of an earlier one, is no resume", "[runs][attempt]") {
  AttemptTracker tracker;
  attempt_of(tracker, row(200, "train_loss"));
  CHECK(attempt_of(tracker, row(200, "gradient_norm_total")) == 1);
  CHECK(attempt_of(tracker, row(150, "eval_loss")) == 1);
  CHECK(attempt_of(tracker, row(-1, "train_loss")) == 1);
  CHECK(attempt_of(tracker, row(210, "train_loss")) == 1);
}

TEST_CASE("a callback that logs without the training step rides along at the last one", "[runs][attempt]") {
  AttemptTracker tracker;
  CHECK(step_of(tracker, row(57, "gradient_norm_total", StepOrigin::sequence)) == 57);
  CHECK(step_of(tracker, row(10, "train_loss")) == 10);
  CHECK(step_of(tracker, row(59, "gradient_norm_total", StepOrigin::sequence)) == 10);
  CHECK(step_of(tracker, row(20, "train_loss")) == 20);
  CHECK(step_of(tracker, row(61, "train_loss", StepOrigin::sequence)) == 20);
  CHECK(tracker.attempt() == 1);
}

TEST_CASE("a summary neither opens an attempt nor moves the step", "[runs][attempt]") {
  AttemptTracker tracker;
  attempt_of(tracker, row(200, "train_loss"));
  auto total = row(5, "train_loss");
  total.observation.kind = ObservationKind::summary;
  CHECK(attempt_of(tracker, total) == 1);
  CHECK(tracker.last_step() == 200);
}

TEST_CASE("the tracker survives a restart, and nonsense starts afresh", "[runs][attempt]") {
  AttemptTracker tracker;
  attempt_of(tracker, row(200, "train_loss"));
  attempt_of(tracker, row(100, "train_loss"));
  CHECK(AttemptTracker::restored(tracker.serialize()) == tracker);
  for (const char* text :
       {"", "1 2", "x", "0 1 1 1", "1 -5 1 1", "1 1 1 9", "1 1 1 1 1", "99999999999999999999 1 1 1"}) {
    INFO(text);
    CHECK(AttemptTracker::restored(text) == AttemptTracker{});
  }
}

}  // namespace redflag::daemon
