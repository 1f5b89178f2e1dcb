// What a person reads.
#include "daemon/statistics/words.h"

#include <limits>

#include "tests/support/catch.h"

using namespace redflag::statistics;

namespace {

BoundTest decided(std::vector<double> values, double bound, double alpha = 0.05, std::size_t others = 0) {
  std::vector<BoundTest> tests(1 + others);
  std::vector<std::vector<double>> scores(1 + others, {0.95, 0.96, 0.955});
  for (BoundTest& each : tests) each.bound = bound;
  scores[0] = std::move(values);
  decide(tests, scores, alpha);
  return tests[0];
}

}  // namespace

TEST_CASE("an average clearly above its bound is unlikely to be luck", "[statistics]") {
  const BoundTest test = decided({0.871, 0.869, 0.872}, 0.85, 0.05, 3);
  CHECK(test.verdict == BoundVerdict::above);
  CHECK(bound_words(test) ==
        "the average is above 0.850 and this is unlikely to be luck (p = 0.00151, corrected for four tasks)");
}

TEST_CASE("two seeds are too few, and it is said how many it takes", "[statistics]") {
  for (const auto& values : {std::vector<double>{}, {0.87}, {0.87, 0.871}}) {
    const BoundTest test = decided(values, 0.85);
    CHECK(test.verdict == BoundVerdict::too_few);
    CHECK_FALSE(test.adjusted_above);
  }
  CHECK(bound_words(decided({0.87, 0.871}, 0.85)) == "too few seeds to say: 2 of 3 needed");
}

TEST_CASE("an average above its bound that may be luck says how many seeds would show it", "[statistics]") {
  const BoundTest test = decided({0.855, 0.848, 0.86}, 0.85);
  CHECK(test.verdict == BoundVerdict::undecided);
  CHECK(bound_words(test) ==
        "the average is above 0.850, but with 3 seeds this may be luck (p = 0.17); at this "
        "spread 8 seeds would show it");
}

TEST_CASE("an average clearly below its bound is a failure; one just below it may be bad luck",
          "[statistics]") {
  CHECK(decided({0.80, 0.81, 0.805}, 0.85).verdict == BoundVerdict::below);
  const BoundTest near = decided({0.845, 0.86, 0.83}, 0.85);
  CHECK(near.verdict == BoundVerdict::undecided);
  CHECK(near.seeds_needed == 0);
  CHECK_THAT(bound_words(near), ContainsSubstring("the average is below 0.850, but with 3 seeds"));
}

TEST_CASE("seeds that all give the same score are no proof of anything", "[statistics]") {
  const BoundTest test = decided({0.87, 0.87, 0.87}, 0.85);
  CHECK(test.verdict == BoundVerdict::no_spread);
  CHECK_THAT(bound_words(test), ContainsSubstring("is the seed really used?"));
}

TEST_CASE("a score that is not a number cannot be tested", "[statistics]") {
  const BoundTest test = decided({0.87, std::numeric_limits<double>::quiet_NaN(), 0.86}, 0.85);
  CHECK(test.verdict == BoundVerdict::unknown);
  CHECK(average_words(test.found) == "1 of 3 scores not a number");
}

TEST_CASE("more tasks make the same scores weaker evidence", "[statistics]") {
  const BoundTest alone = decided({0.871, 0.869, 0.872}, 0.85);
  const BoundTest among = decided({0.871, 0.869, 0.872}, 0.85, 0.05, 3);
  CHECK(*among.adjusted_above > *alone.adjusted_above);
}

TEST_CASE("averages and probabilities in words", "[statistics]") {
  CHECK(average_words(describe(std::vector{0.866, 0.872, 0.878})) ==
        "0.872 ± 0.006 (3 seeds, 0.866 to 0.878)");
  CHECK(average_words(describe(std::vector{0.866})) == "0.866 (1 seed)");
  CHECK(average_words(describe({})) == "no scores");
  CHECK(p_words(0.0123) == "p = 0.0123");
  CHECK(p_words(0.00001) == "p < 0.001");
  CHECK(p_words(1) == "p = 1");
  CHECK(score_words(0.8723) == "0.872");
  CHECK(score_words_beside(0.84996, 0.85) == "0.84996");
  CHECK(score_words_beside(0.85, 0.85) == "0.850");
  CHECK(count_word(4) == "four");
  CHECK(count_word(12) == "12");
}
