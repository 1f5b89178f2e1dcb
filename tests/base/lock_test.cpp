#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/instance_lock.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

TEST_CASE("a second daemon on the same state directory is refused and told who has it", "[lock]") {
  const test::TempDir dir;
  {
    const Result<InstanceLock> first = InstanceLock::acquire(dir.path());
    REQUIRE(first.has_value());
    const Result<InstanceLock> second = InstanceLock::acquire(dir.path());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::conflict);
    CHECK_THAT(second.error().what, ContainsSubstring(std::to_string(::getpid())));
  }
  CHECK(InstanceLock::acquire(dir.path()).has_value());
}

TEST_CASE("a daemon that is still dying is waited for, one that lives is not waited for without end",
          "[lock]") {
  const test::TempDir dir;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const Result<InstanceLock> lock = InstanceLock::acquire(dir.path());
    (void)!::write(ready[1], lock ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char holds = 'n';
  REQUIRE(::read(ready[0], &holds, 1) == 1);
  CHECK(holds == 'y');

  int asked = 0;
  const Result<InstanceLock> refused = InstanceLock::acquire(dir.path(), [&] { return ++asked < 3; });
  REQUIRE_FALSE(refused.has_value());
  CHECK(asked == 3);
  CHECK_THAT(refused.error().what, ContainsSubstring(std::to_string(holder)));

  const Result<InstanceLock> taken = InstanceLock::acquire(dir.path(), [&] {
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    return true;
  });
  CHECK(taken.has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a state directory that is not there is an error with advice", "[lock]") {
  const Result<InstanceLock> lock = InstanceLock::acquire("/nonexistent/redflag");
  REQUIRE_FALSE(lock.has_value());
  CHECK_THAT(lock.error().text(), ContainsSubstring("store.state_directory"));
}
