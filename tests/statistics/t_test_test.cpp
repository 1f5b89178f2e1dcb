// When a test can be made at all, and what has to hold whenever it can.
#include "daemon/statistics/t_test.h"

#include <cmath>
#include <limits>
#include <random>

#include "daemon/statistics/effect_size.h"
#include "tests/support/catch.h"

using namespace redflag::statistics;

namespace {
using Values = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargest = std::numeric_limits<double>::max();
}  // namespace

TEST_CASE("no test is made of too few values", "[statistics]") {
  CHECK(one_sample_t({}, 0.5, Alternative::greater).gap == Gap::too_few);
  CHECK(one_sample_t(Values{0.9}, 0.5, Alternative::greater).gap == Gap::too_few);
  CHECK(one_sample_t(Values{0.9, 0.8}, 0.5, Alternative::greater).known());
  CHECK(welch_t(Values{0.9}, Values{0.5, 0.6}, Alternative::two_sided).gap == Gap::too_few);
  CHECK(welch_t(Values{0.9, 0.8}, {}, Alternative::two_sided).gap == Gap::too_few);
  CHECK(paired_t(Values{0.9}, Values{0.5}, Alternative::two_sided).gap == Gap::too_few);
  CHECK(paired_t({}, {}, Alternative::two_sided).gap == Gap::too_few);
}

TEST_CASE("values without spread prove nothing, however far from the bound", "[statistics]") {
  CHECK(one_sample_t(Values{0.9, 0.9, 0.9}, 0.5, Alternative::greater).gap == Gap::no_spread);
  CHECK(welch_t(Values{0.9, 0.9}, Values{0.5, 0.5}, Alternative::two_sided).gap == Gap::no_spread);
  CHECK(welch_t(Values{0.9, 0.9}, Values{0.5, 0.6}, Alternative::two_sided).known());
  // Differences that are 0.01 but for rounding.
  CHECK(paired_t(Values{0.87, 0.88, 0.89}, Values{0.86, 0.87, 0.88}, Alternative::two_sided).gap ==
        Gap::no_spread);
  CHECK_FALSE(cohen_d(Values{0.9, 0.9}, Values{0.5, 0.5}));
  CHECK_FALSE(d_z(Values{0.87, 0.88, 0.89}, Values{0.86, 0.87, 0.88}));
  CHECK_FALSE(d_of_bound(Values{0.9, 0.9}, 0.5));
}

TEST_CASE("what is not a number makes a test unknown", "[statistics]") {
  for (const double bad : {kNan, std::numeric_limits<double>::infinity()}) {
    CHECK(one_sample_t(Values{0.9, bad, 0.8}, 0.5, Alternative::greater).gap == Gap::not_finite);
    CHECK(one_sample_t(Values{0.9, 0.7, 0.8}, bad, Alternative::greater).gap == Gap::not_finite);
    CHECK(welch_t(Values{0.9, bad}, Values{0.5, 0.6}, Alternative::less).gap == Gap::not_finite);
    CHECK(paired_t(Values{0.9, 0.8}, Values{bad, 0.6}, Alternative::less).gap == Gap::not_finite);
    CHECK_FALSE(cohen_d(Values{0.9, bad}, Values{0.5, 0.6}));
    CHECK_FALSE(hedges_g(Values{0.9, 0.8}, Values{bad, 0.6}));
    CHECK_FALSE(d_z(Values{0.9, bad}, Values{0.5, 0.6}));
  }
}

TEST_CASE("lists of different length are no pairs", "[statistics]") {
  CHECK(paired_t(Values{0.9, 0.8, 0.7}, Values{0.5, 0.6}, Alternative::two_sided).gap == Gap::unpaired);
  CHECK_FALSE(d_z(Values{0.9, 0.8, 0.7}, Values{0.5, 0.6}));
}

TEST_CASE("huge values are tested, or said to be too large; never a figure that is none", "[statistics]") {
  CHECK(one_sample_t(Values{1e307, 1.1e307, 1.2e307}, 1e306, Alternative::greater).known());
  CHECK(one_sample_t(Values{kLargest, -kLargest}, 0, Alternative::greater).gap == Gap::too_large);
  CHECK(paired_t(Values{kLargest, 1}, Values{-kLargest, 2}, Alternative::greater).gap == Gap::too_large);
}

TEST_CASE("the three alternatives belong together", "[statistics]") {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  for (int round = 0; round < 500; ++round) {
    Values a(2 + static_cast<std::size_t>(round) % 7);
    Values b(a.size());
    for (double& each : a) each = normal(random);
    for (double& each : b) each = normal(random) + 0.3;
    const auto check = [](const TestResult& both, const TestResult& up, const TestResult& down) {
      REQUIRE(up.p + down.p == Approx(1.0));
      REQUIRE(both.p == Approx(2 * std::min(up.p, down.p)));
      REQUIRE((up.p < 0.5) == (both.t > 0));
      // The interval leaves 0 out exactly when the two-sided test is significant.
      REQUIRE((both.interval.low > 0 || both.interval.high < 0) == (both.p < 0.05));
    };
    check(one_sample_t(a, 0, Alternative::two_sided), one_sample_t(a, 0, Alternative::greater),
          one_sample_t(a, 0, Alternative::less));
    check(welch_t(a, b, Alternative::two_sided), welch_t(a, b, Alternative::greater),
          welch_t(a, b, Alternative::less));
    check(paired_t(a, b, Alternative::two_sided), paired_t(a, b, Alternative::greater),
          paired_t(a, b, Alternative::less));
    REQUIRE(welch_t(a, b, Alternative::greater).p == Approx(welch_t(b, a, Alternative::less).p));
    REQUIRE(*cohen_d(a, b) == Approx(-*cohen_d(b, a)));
    REQUIRE(std::fabs(*hedges_g(a, b)) < std::fabs(*cohen_d(a, b)));
    REQUIRE(*d_z(a, b) * std::sqrt(static_cast<double>(a.size())) ==
            Approx(paired_t(a, b, Alternative::less).t));
  }
}

TEST_CASE("so many seeds would have been enough", "[statistics]") {
  const Description found = describe(Values{0.90, 0.92, 0.925});
  const std::size_t needed = values_needed(found, 0.90, 0.05 / 4);
  CHECK(needed > 3);
  CHECK(needed < 30);
  CHECK(values_needed(found, 0.95, 0.05) == 0);
  CHECK(values_needed(describe(Values{0.9}), 0.85, 0.05) == 0);
  CHECK(values_needed(describe(Values{0.9, 0.9}), 0.85, 0.05) == 0);
}

TEST_CASE("an effect has a word", "[statistics]") {
  CHECK(size_word(0.1) == "negligible");
  CHECK(size_word(-0.3) == "small");
  CHECK(size_word(0.6) == "medium");
  CHECK(size_word(-1.0) == "large");
  CHECK(size_word(3) == "very large");
}
