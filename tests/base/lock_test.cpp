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

TEST_CASE("a state directory that is not there is an error with advice", "[lock]") {
  const Result<InstanceLock> lock = InstanceLock::acquire("/nonexistent/redflag");
  REQUIRE_FALSE(lock.has_value());
  CHECK_THAT(lock.error().text(), ContainsSubstring("store.state_directory"));
}
