// What the figures say, for somebody who has never heard of a p-value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/statistics/description.h"
#include "daemon/statistics/t_test.h"

namespace redflag::statistics {

/// From how many seeds on redflag says anything about luck. Two give a spread of one difference: a t-test
/// exists, and shows next to nothing.
inline constexpr std::size_t kSeedsNeeded = 3;

/// "0.872": scores to three digits after the point.
std::string score_words(double value);
/// The same, with more digits where three would make it look equal to a bound that it is not: "0.84996".
std::string score_words_beside(double value, double bound);

/// "p = 0.0123", "p < 0.001", "p = 1".
std::string p_words(double p);

/// "0.872 ± 0.006 (3 seeds, 0.866 to 0.878)"; "0.872 (1 seed)"; "no scores".
std::string average_words(const Description& found);

enum class BoundVerdict {
  above,      ///< shown to be above
  below,      ///< shown to be below
  undecided,  ///< tested: may be luck either way
  too_few,
  no_spread,
  unknown,  ///< a score is not a number
};
std::string_view to_string(BoundVerdict verdict);

/// A task's scores against the lower end of its range.
struct BoundTest {
  Description found;
  double bound = 0.0;
  std::optional<double> p_above, p_below;                ///< one-sided, as computed
  std::optional<double> adjusted_above, adjusted_below;  ///< after Holm over `family` tests
  std::optional<double> effect;                          ///< d: (average - bound) / sd
  std::size_t family = 1;
  BoundVerdict verdict = BoundVerdict::unknown;
  std::size_t seeds_needed = 0;  ///< undecided: so many would show it at this spread; 0: cannot be said
};

/// Tests each task's scores; corrects over all of them; fills `verdict`. `alpha` within (0, 0.5].
void decide(std::vector<BoundTest>& tests, const std::vector<std::vector<double>>& scores, double alpha);

/// "the average is above 0.85 and this is unlikely to be luck (p = 0.01, corrected for four tasks)"; "too few
/// seeds to say: 2 of 3 needed".
std::string bound_words(const BoundTest& test);

/// "one", …, "ten", "11".
std::string count_word(std::size_t count);

}  // namespace redflag::statistics
