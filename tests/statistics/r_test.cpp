// Every figure as R gives it. The table is R's own output, made by `./dev campaign statistics --keep`; the
// campaign holds thousands of further, random cases against the same test.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/statistics/description.h"
#include "daemon/statistics/effect_size.h"
#include "daemon/statistics/holm.h"
#include "daemon/statistics/t_test.h"
#include "tests/support/catch.h"

using namespace redflag::statistics;

namespace {

std::vector<std::string> parts(const std::string& line, char separator) {
  std::vector<std::string> out;
  std::string part;
  std::istringstream in(line);
  while (std::getline(in, part, separator)) out.push_back(part);
  return out;
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> out;
  for (const std::string& each : parts(text, ' ')) {
    if (!each.empty()) out.push_back(std::strtod(each.c_str(), nullptr));
  }
  return out;
}

Alternative alternative_of(const std::string& name) {
  if (name == "greater") return Alternative::greater;
  return name == "less" ? Alternative::less : Alternative::two_sided;
}

std::vector<double> figures(const TestResult& result) {
  if (!result.known()) return {};
  return {result.estimate, result.t, result.df, result.p, result.interval.low, result.interval.high};
}

void add(std::vector<double>& out, std::optional<double> value) {
  out.push_back(value.value_or(NAN));
}

/// What this project answers to one line of the table.
std::vector<double> ours(const std::vector<std::string>& cells) {
  const Alternative alternative = alternative_of(cells[1]);
  const double bound = std::strtod(cells[2].c_str(), nullptr);
  const double confidence = std::strtod(cells[3].c_str(), nullptr);
  const std::vector<double> first = numbers(cells[4]);
  const std::vector<double> second = numbers(cells[5]);
  std::vector<double> out;
  if (cells[0] == "describe") {
    const Description found = describe(first, confidence);
    for (const auto& each : {found.mean, found.sd, found.min, found.max}) add(out, each);
    if (found.interval) out.insert(out.end(), {found.interval->low, found.interval->high});
  } else if (cells[0] == "one_sample") {
    out = figures(one_sample_t(first, bound, alternative, confidence));
    add(out, d_of_bound(first, bound));
  } else if (cells[0] == "welch") {
    out = figures(welch_t(first, second, alternative, confidence));
    add(out, cohen_d(first, second));
    add(out, hedges_g(first, second));
  } else if (cells[0] == "paired") {
    out = figures(paired_t(first, second, alternative, confidence));
    add(out, d_z(first, second));
  } else if (cells[0] == "holm") {
    const std::vector<std::optional<double>> p(first.begin(), first.end());
    for (const auto& each : holm(p)) add(out, each);
  }
  return out;
}

/// To 1e-9 of the larger of the figure and `scale`: a difference of two averages that nearly meet has lost
/// digits in either program, and is as good as the averages are.
bool agree(double mine, double theirs, double scale) {
  return std::fabs(mine - theirs) <= 1e-9 * std::max(std::fabs(theirs), scale);
}

std::string table_path() {
  const char* other = std::getenv("REDFLAG_R_ANSWERS");
  return other != nullptr ? other : REDFLAG_SOURCE_DIR "/tests/statistics/r_answers.txt";
}

}  // namespace

TEST_CASE("tests, intervals, effect sizes and corrections are R's, to 1e-9", "[r]") {
  std::ifstream table(table_path());
  REQUIRE(table.good());
  std::size_t lines = 0;
  for (std::string line; std::getline(table, line);) {
    const std::vector<std::string> cells = parts(line, '\t');
    REQUIRE(cells.size() >= 7);
    ++lines;
    const std::vector<double> theirs = numbers(cells[6]);
    const std::vector<double> mine = ours(cells);
    REQUIRE(mine.size() == theirs.size());
    const bool in_units = cells[0] != "holm";
    double largest = 0.0;
    for (const double each : numbers(cells[4])) largest = std::max(largest, std::fabs(each));
    for (std::size_t i = 0; i < mine.size(); ++i) {
      // Estimates and borders are in the units of the values; p is a share of 1, and small ones matter.
      const bool of_values = in_units && (cells[0] == "describe" || i == 0 || i == 4 || i == 5);
      const bool is_p = !in_units || i == 3;
      const double scale = of_values ? largest * 1e-3 : is_p ? 1e-300 : 1e-3;
      INFO(line << "\nfigure " << i << ": " << mine[i] << " and R says " << theirs[i]);
      REQUIRE(agree(mine[i], theirs[i], scale));
    }
  }
  CHECK(lines >= 100);
}
