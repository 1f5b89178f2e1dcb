// What is said of lists too short, too even or too wild for a figure, and properties that hold for all
// others.
#include "daemon/statistics/description.h"

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/catch.h"

using namespace redflag::statistics;

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargest = std::numeric_limits<double>::max();
}  // namespace

TEST_CASE("of nothing, nothing is known", "[statistics]") {
  const Description found = describe({});
  CHECK(found.n == 0);
  CHECK_FALSE((found.mean || found.sd || found.min || found.max || found.interval));
  CHECK(found.gap == Gap::too_few);
}

TEST_CASE("one value has an average and no spread", "[statistics]") {
  const Description found = describe(std::vector{0.87});
  CHECK(*found.mean == 0.87);
  CHECK(*found.min == 0.87);
  CHECK_FALSE((found.sd || found.interval));
  CHECK(found.gap == Gap::too_few);
}

TEST_CASE("two values have a spread and a very wide interval", "[statistics]") {
  const Description found = describe(std::vector{0.86, 0.88});
  CHECK(*found.sd == Approx(0.0141421356));
  CHECK(found.interval->low == Approx(0.87 - 12.7062047 * 0.01));
  CHECK(found.gap == Gap::none);
}

TEST_CASE("equal values have a spread of 0 and no interval: nobody has that certainty", "[statistics]") {
  const Description found = describe(std::vector{0.87, 0.87, 0.87});
  CHECK(*found.sd == 0.0);
  CHECK_FALSE(found.interval);
  CHECK(found.gap == Gap::no_spread);
  // Equal but for rounding.
  CHECK(describe(std::vector{0.1 + 0.2, 0.3, 0.3}).gap == Gap::no_spread);
  CHECK(describe(std::vector{0.0, 0.0}).gap == Gap::no_spread);
}

TEST_CASE("a value that is not a number is never left out in silence", "[statistics]") {
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    const Description found = describe(std::vector{0.86, bad, 0.88});
    CHECK(found.n == 3);
    CHECK(found.nonfinite == 1);
    CHECK_FALSE((found.mean || found.sd || found.min || found.max || found.interval));
    CHECK(found.gap == Gap::not_finite);
  }
}

TEST_CASE("huge values neither overflow nor pass for something else", "[statistics]") {
  const Description found = describe(std::vector{kLargest, kLargest / 2});
  CHECK(*found.mean == Approx(0.75 * kLargest));
  CHECK(std::isfinite(*found.sd));
  CHECK_FALSE(found.interval);
  CHECK(found.gap == Gap::too_large);
  const Description opposite = describe(std::vector{kLargest, -kLargest});
  CHECK(*opposite.mean == 0.0);
  CHECK_FALSE(opposite.sd);
  CHECK(opposite.gap == Gap::too_large);
  CHECK(*describe(std::vector{1e308, 1e308, 1.1e308}).mean == Approx(1.0333333333e308));
}

TEST_CASE("small differences on top of a large value are not lost", "[statistics]") {
  const Description found = describe(std::vector{1e9 + 1, 1e9 + 2, 1e9 + 3});
  CHECK(*found.sd == Approx(1.0).epsilon(1e-9));
}

TEST_CASE("spread and interval move and grow with the values", "[statistics]") {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0.8, 0.02);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> values(2 + static_cast<std::size_t>(round) % 9);
    for (double& each : values) each = normal(random);
    const Description found = describe(values);
    REQUIRE(*found.min <= *found.mean);
    REQUIRE(*found.mean <= *found.max);
    REQUIRE(found.interval->low < *found.mean);
    REQUIRE(*found.mean < found.interval->high);
    const Description surer = describe(values, 0.99);
    REQUIRE(surer.interval->low < found.interval->low);
    std::vector<double> changed = values;
    for (double& each : changed) each = 100 * each + 5;
    const Description other = describe(changed);
    REQUIRE(*other.sd == Approx(100 * *found.sd));
    REQUIRE(other.interval->low == Approx(100 * found.interval->low + 5));
    std::reverse(values.begin(), values.end());
    REQUIRE(*describe(values).sd == Approx(*found.sd).epsilon(1e-12));
  }
}
