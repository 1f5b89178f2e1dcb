#include "daemon/base/steps.h"

#include <stdexcept>

#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

TEST_CASE("a start that fails half-way stops what had been started, in reverse order", "[steps]") {
  std::string story;
  Steps steps;
  steps.add(
      "one", [&]() -> Result<void> { return story += "+1", Result<void>{}; }, [&] { story += "-1"; });
  steps.add(
      "two", [&]() -> Result<void> { return story += "+2", Result<void>{}; }, [&] { story += "-2"; });
  steps.add(
      "three", [&]() -> Result<void> { return fail(ErrorCode::storage, "", "disk on fire"); },
      [&] { story += "-3"; });
  const Result<void> started = steps.start();
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().text() == "three: disk on fire");
  CHECK(story == "+1+2-2-1");
}

TEST_CASE("a stop that throws does not keep the others from stopping, and stopping twice is harmless",
          "[steps]") {
  std::string story;
  Steps steps;
  steps.add(
      "one", [] { return Result<void>{}; }, [&] { story += "-1"; });
  steps.add(
      "two", [] { return Result<void>{}; }, [] { throw std::runtime_error("stuck"); });
  REQUIRE(steps.start().has_value());
  steps.stop();
  steps.stop();
  CHECK(story == "-1");
}
