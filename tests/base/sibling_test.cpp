// Where one program of redflag finds another: in a build tree, in the portable archive, and as packages
// install them.
#include <filesystem>

#include "daemon/base/child_process.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag::daemon;
using namespace redflag::test;

TEST_CASE("a program beside the running one is found there", "[child]") {
  const TempDir dir;
  dir.write("bin/redflag-inspect", "");
  dir.write("libexec/redflag/redflag-inspect", "");
  CHECK(program_near(dir / "bin/", "redflag-inspect") == dir / "bin/redflag-inspect");
}

TEST_CASE("a program that the packages put into libexec is found there, even when it is installed later",
          "[child]") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "bin");
  dir.write("libexec/redflag/redflag-inspect", "");
  CHECK(program_near(dir / "bin/", "redflag-inspect") == dir / "bin/../libexec/redflag/redflag-inspect");
  CHECK(program_near(dir / "bin/", "redflag-forward") == dir / "bin/../libexec/redflag/redflag-forward");
}

TEST_CASE("a program that is nowhere is named where it was looked for first", "[child]") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "bin");
  CHECK(program_near(dir / "bin/", "redflag-inspect") == dir / "bin/redflag-inspect");
}
