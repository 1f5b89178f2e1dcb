// Sentences for figures.
#include "daemon/statistics/words.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "daemon/statistics/effect_size.h"
#include "daemon/statistics/holm.h"

namespace redflag::statistics {
namespace {

std::string corrected(const BoundTest& test, double p) {
  if (test.family < 2) return p_words(p);
  return fmt::format("{}, corrected for {} tasks", p_words(p), count_word(test.family));
}

std::string seeds(std::size_t n) {
  return fmt::format("{} seed{}", n, n == 1 ? "" : "s");
}

}  // namespace

std::string count_word(std::size_t count) {
  constexpr std::array kWords{"no",  "one",   "two",   "three", "four", "five",
                              "six", "seven", "eight", "nine",  "ten"};
  return count < kWords.size() ? kWords[count] : std::to_string(count);
}

std::string score_words(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::fabs(value);
  if (size >= 1e6 || (size > 0 && size < 0.0005)) return fmt::format("{:.3g}", value);
  return fmt::format("{:.3f}", value);
}

std::string score_words_beside(double value, double bound) {
  const std::string text = score_words(value);
  if (value == bound || text != score_words(bound)) return text;
  return fmt::format("{:.7g}", value);
}

std::string p_words(double p) {
  if (std::isnan(p)) return "p unknown";
  return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3g}", p);
}

std::string average_words(const Description& found) {
  if (found.n == 0) return "no scores";
  if (found.nonfinite > 0) return fmt::format("{} of {} scores not a number", found.nonfinite, found.n);
  if (found.n == 1) return fmt::format("{} ({})", score_words(*found.mean), seeds(1));
  const std::string spread = found.sd ? " ± " + score_words(*found.sd) : std::string();
  return fmt::format("{}{} ({}, {} to {})", score_words(*found.mean), spread, seeds(found.n),
                     score_words(*found.min), score_words(*found.max));
}

std::string_view to_string(BoundVerdict verdict) {
  switch (verdict) {
    case BoundVerdict::above:
      return "above";
    case BoundVerdict::below:
      return "below";
    case BoundVerdict::undecided:
      return "undecided";
    case BoundVerdict::too_few:
      return "too_few";
    case BoundVerdict::no_spread:
      return "no_spread";
    case BoundVerdict::unknown:
      return "unknown";
  }
  return "unknown";
}

void decide(std::vector<BoundTest>& tests, const std::vector<std::vector<double>>& scores, double alpha) {
  std::vector<std::optional<double>> above;
  std::vector<std::optional<double>> below;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    BoundTest& test = tests[i];
    test.found = describe(scores[i]);
    const TestResult up = one_sample_t(scores[i], test.bound, Alternative::greater);
    const TestResult down = one_sample_t(scores[i], test.bound, Alternative::less);
    const bool counts = up.known() && test.found.n >= kSeedsNeeded;
    test.p_above = counts ? std::optional(up.p) : std::nullopt;
    test.p_below = counts ? std::optional(down.p) : std::nullopt;
    test.effect = counts ? d_of_bound(scores[i], test.bound) : std::nullopt;
    above.push_back(test.p_above);
    below.push_back(test.p_below);
  }
  const auto adjusted_above = holm(above);
  const auto adjusted_below = holm(below);
  std::size_t family = 0;
  for (const auto& p : above) family += p.has_value() ? 1 : 0;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    BoundTest& test = tests[i];
    test.family = std::max<std::size_t>(family, 1);
    test.adjusted_above = adjusted_above[i];
    test.adjusted_below = adjusted_below[i];
    if (test.found.nonfinite > 0) {
      test.verdict = BoundVerdict::unknown;
    } else if (test.found.n < kSeedsNeeded) {
      test.verdict = BoundVerdict::too_few;
    } else if (!test.adjusted_above) {
      test.verdict = test.found.gap == Gap::no_spread ? BoundVerdict::no_spread : BoundVerdict::unknown;
    } else if (*test.adjusted_above < alpha) {
      test.verdict = BoundVerdict::above;
    } else if (*test.adjusted_below < alpha) {
      test.verdict = BoundVerdict::below;
    } else {
      test.verdict = BoundVerdict::undecided;
      test.seeds_needed = values_needed(test.found, test.bound, alpha / static_cast<double>(test.family));
    }
  }
}

std::string bound_words(const BoundTest& test) {
  const std::string bound = score_words(test.bound);
  switch (test.verdict) {
    case BoundVerdict::above:
      return fmt::format("the average is above {} and this is unlikely to be luck ({})", bound,
                         corrected(test, *test.adjusted_above));
    case BoundVerdict::below:
      return fmt::format("the average is below {} and this is unlikely to be bad luck ({})", bound,
                         corrected(test, *test.adjusted_below));
    case BoundVerdict::undecided: {
      const bool over = *test.found.mean > test.bound;
      const bool at = *test.found.mean == test.bound;
      std::string text = fmt::format("the average is {} {}, but with {} this may be luck ({})",
                                     at     ? "exactly"
                                     : over ? "above"
                                            : "below",
                                     bound, seeds(test.found.n),
                                     corrected(test, over ? *test.adjusted_above : *test.adjusted_below));
      if (test.seeds_needed > 0)
        text += fmt::format("; at this spread {} seeds would show it", test.seeds_needed);
      return text;
    }
    case BoundVerdict::too_few:
      return fmt::format("too few seeds to say: {} of {} needed", test.found.n, kSeedsNeeded);
    case BoundVerdict::no_spread:
      return fmt::format("all {} gave exactly {}: no test can be made of that; is the seed really used?",
                         seeds(test.found.n), score_words(*test.found.mean));
    case BoundVerdict::unknown:
      break;
  }
  return "cannot be tested: a score is not a number";
}

}  // namespace redflag::statistics
