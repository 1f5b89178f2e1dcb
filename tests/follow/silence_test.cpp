// What several sources know of a run's silence, and of its end.
#include "daemon/follow/silence.h"

#include "daemon/follow/run_join.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::follow;
using namespace std::chrono_literals;

namespace {

const Time kStart = *parse_rfc3339("2026-11-23T00:00:00Z");

RunInfo run_in(RunState state, Time heartbeat) {
  RunInfo run;
  run.key = "h/e/p/r";
  run.id = "r";
  run.name = "r";
  run.state = state;
  run.heartbeat_at = heartbeat;
  return run;
}

RunState joined(RunState service, Duration heard, RunState disk, Duration wrote, Duration now) {
  RunSides sides;
  sides.service = run_in(service, kStart + heard);
  sides.disk = run_in(disk, kStart + wrote);
  sides.disk_sign = kStart + wrote;
  return join_run(sides, kStart + now).state;
}

}  // namespace

TEST_CASE("The best of several watermarks counts, and none goes back", "[silence]") {
  SilenceJoin join;
  join.row(kStart);
  CHECK(join.told_up_to(kStart + 10s) == kStart + 10s);
  CHECK_FALSE(join.told_up_to(kStart + 5s));
  CHECK(join.told_up_to(kStart + 12s) == kStart + 12s);
}

TEST_CASE("A progress bar that moves keeps a run without rows from growing old", "[silence]") {
  SilenceJoin join;
  join.row(kStart);
  for (int minute = 1; minute <= 60; ++minute) {
    join.life(kStart + std::chrono::minutes{minute});
    const auto mark = join.told_up_to(kStart + std::chrono::minutes{minute} + 1s);
    if (mark) CHECK(*mark - kStart <= 2s);
  }
  // Then the bar stands still, and the age is counted from there.
  const auto mark = join.told_up_to(kStart + 75min);
  REQUIRE(mark);
  CHECK(*mark - join.last_row() == 15min);
}

TEST_CASE("While W&B is down the disk alone shows that a run is silent", "[silence]") {
  SilenceJoin join;
  join.row(kStart);
  CHECK(join.told_up_to(kStart + 1min));              // W&B's last word
  const auto mark = join.told_up_to(kStart + 20min);  // the disk's
  REQUIRE(mark);
  CHECK(*mark - join.last_row() == 20min);
}

TEST_CASE("While W&B is down and nothing on disk can tell, nothing grows old", "[silence]") {
  SilenceJoin join;
  join.row(kStart);
  CHECK(join.told_up_to(kStart + 1min));
  join.life(kStart + 30min);
  CHECK_FALSE(join.told_up_to(kStart + 1min));
}

TEST_CASE("A run that ended on disk has ended, whatever W&B has not heard yet", "[join]") {
  CHECK(joined(RunState::running, 0s, RunState::finished, 20s, 30s) == RunState::finished);
  CHECK(joined(RunState::running, 40s, RunState::failed, 20s, 60s) == RunState::failed);
}

TEST_CASE("A run that goes on elsewhere is running", "[join]") {
  CHECK(joined(RunState::running, 20min, RunState::failed, 20s, 20min) == RunState::running);
}

TEST_CASE("A run that W&B lost sight of and that goes on writing is running", "[join]") {
  CHECK(joined(RunState::crashed, 0s, RunState::running, 15min, 16min) == RunState::running);
  CHECK(joined(RunState::crashed, 0s, RunState::running, 15min, 30min) == RunState::crashed);
  CHECK(joined(RunState::crashed, 0s, RunState::running, 1min, 2min) == RunState::crashed);
}

TEST_CASE("A run that told W&B of its end has ended", "[join]") {
  CHECK(joined(RunState::finished, 0s, RunState::running, 15min, 16min) == RunState::finished);
}

TEST_CASE("Where the disk only guesses, W&B's word counts", "[join]") {
  CHECK(joined(RunState::killed, 0s, RunState::crashed, 0s, 1h) == RunState::killed);
  CHECK(joined(RunState::crashed, 0s, RunState::failed, 0s, 1h) == RunState::failed);
}
