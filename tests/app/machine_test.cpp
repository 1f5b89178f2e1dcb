// How full a disk is, as df says it.
#include <sys/statvfs.h>

#include "daemon/overview/collector.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace redflag::daemon {
namespace {

TEST_CASE("A disk is as full as df calls it: what is kept for root is neither used nor free", "[overview]") {
  const redflag::test::TempDir dir;
  const DiskSpace space = disk_space(dir / "not/there/yet");
  struct statvfs is {};
  REQUIRE(::statvfs(dir.path().c_str(), &is) == 0);
  const auto used = static_cast<double>(is.f_blocks - is.f_bfree);
  const auto free = static_cast<double>(is.f_bavail);
  REQUIRE(space.total > 0);
  const double share = 1.0 - static_cast<double>(space.free) / static_cast<double>(space.total);
  // Others write to it meanwhile.
  CHECK(share == Approx(used / (used + free)).margin(0.01));
}

}  // namespace
}  // namespace redflag::daemon
