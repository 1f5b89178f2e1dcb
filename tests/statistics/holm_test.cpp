// What adjusted p-values promise.
#include "daemon/statistics/holm.h"

#include <algorithm>
#include <limits>
#include <random>

#include "tests/support/catch.h"

using redflag::statistics::holm;
using P = std::optional<double>;

TEST_CASE("one test needs no correction", "[statistics]") {
  CHECK(*holm(std::vector<P>{0.04})[0] == 0.04);
  CHECK(holm({}).empty());
}

TEST_CASE("the smallest of four is held against a quarter of the limit, the next against a third",
          "[statistics]") {
  const auto adjusted = holm(std::vector<P>{0.01, 0.04, 0.03, 0.005});
  CHECK(*adjusted[0] == Approx(0.03));
  CHECK(*adjusted[1] == Approx(0.06));
  CHECK(*adjusted[2] == Approx(0.06));
  CHECK(*adjusted[3] == Approx(0.02));
}

TEST_CASE("a p that is not known stays unknown and counts as no test", "[statistics]") {
  const auto adjusted =
      holm(std::vector<P>{0.02, std::nullopt, std::numeric_limits<double>::quiet_NaN(), 0.5});
  CHECK(*adjusted[0] == Approx(0.04));
  CHECK_FALSE((adjusted[1] || adjusted[2]));
  CHECK(*adjusted[3] == Approx(0.5));
}

TEST_CASE(
    "adjusted values are at least the given ones, at most 1, in the same order; never harder than Bonferroni",
    "[statistics]") {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int round = 0; round < 1000; ++round) {
    std::vector<P> given(1 + static_cast<std::size_t>(round) % 12);
    for (P& each : given) each = uniform(random) * uniform(random);
    const auto adjusted = holm(given);
    for (std::size_t i = 0; i < given.size(); ++i) {
      REQUIRE(*adjusted[i] >= *given[i]);
      REQUIRE(*adjusted[i] <= std::min(1.0, *given[i] * static_cast<double>(given.size()) + 1e-15));
      for (std::size_t j = 0; j < given.size(); ++j) {
        if (*given[i] < *given[j]) REQUIRE(*adjusted[i] <= *adjusted[j]);
      }
    }
  }
}
