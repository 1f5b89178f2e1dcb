#include <cmath>
#include <limits>

#include "tests/rules/support.h"

using namespace redflag_test;

namespace {
const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();

std::string with_loss(const std::string& expression, double loss) {
  return truth_of(expression, {row(1, {{"loss", loss}})});
}
}  // namespace

TEST_CASE("what was never logged and what is NaN is unknown, infinities compare", "[rules][logic]") {
  CHECK(with_loss("loss > 5", 6) == "true");
  CHECK(with_loss("loss > 5", 5) == "false");
  CHECK(with_loss("loss > 5", kNan) == "unknown");
  CHECK(with_loss("loss != loss", kNan) == "unknown");
  CHECK(with_loss("loss > 5", kInf) == "true");
  CHECK(with_loss("loss > 5", -kInf) == "false");
  CHECK(with_loss("other > 5 or loss > 100", 6) == "unknown");
  CHECK(with_loss("loss in (6, 7)", 6) == "true");
  CHECK(with_loss("loss not in (6, 7)", 6) == "false");
  CHECK(with_loss("loss in (6, 7)", kNan) == "unknown");
}

TEST_CASE("and, or and not follow Kleene's tables", "[rules][logic]") {
  const std::vector<std::pair<std::string, std::string>> values{
      {"loss > 1", "T"}, {"loss < 1", "F"}, {"other > 1", "U"}};
  const auto name = [](char c) { return std::string(c == 'T' ? "true" : c == 'F' ? "false" : "unknown"); };
  const std::string conjunction[3] = {"TFU", "FFF", "UFU"};
  const std::string disjunction[3] = {"TTT", "TFU", "TUU"};
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      INFO(values[a].first << " / " << values[b].first);
      CHECK(with_loss("(" + values[a].first + ") and (" + values[b].first + ")", 2) ==
            name(conjunction[a][b]));
      CHECK(with_loss("(" + values[a].first + ") or (" + values[b].first + ")", 2) ==
            name(disjunction[a][b]));
    }
  }
  CHECK(with_loss("not other > 1", 2) == "unknown");
  CHECK(with_loss("not loss > 1", 2) == "false");
}

TEST_CASE("arithmetic binds as in school, and dividing by nothing gives nothing", "[rules][logic]") {
  CHECK(with_loss("2 + 3 * 4 == 14", 1) == "true");
  CHECK(with_loss("(2 + 3) * 4 == 20", 1) == "true");
  CHECK(with_loss("10 - 2 - 3 == 5", 1) == "true");
  CHECK(with_loss("-2 * 3 == -6", 1) == "true");
  CHECK(with_loss("7 % 4 == 3 and 12 / 4 / 3 == 1", 1) == "true");
  CHECK(with_loss("1 / (loss - 1) > 0", 1) == "unknown");
  CHECK(with_loss("10m == 600 and 500ms == 0.5 and 2h == 7200 and 1d == 86400 and 1.5s == 1.5", 1) == "true");
  CHECK(with_loss("1e-8 < 2e-8 and .5 == 0.5", 1) == "true");
  CHECK(with_loss("true or false and false", 1) == "true");
  CHECK(with_loss("not false and false", 1) == "false");
  CHECK(with_loss("abs(-3) == 3 and fraction(85) == 0.85 and fraction(0.85) == 0.85", 1) == "true");
  CHECK(with_loss("coalesce(other, more, loss) == 1", 1) == "true");
  CHECK(with_loss("coalesce(other, more) == 1", 1) == "unknown");
}

TEST_CASE("names may hold slashes, dots and colons", "[rules][logic]") {
  CHECK(truth_of("train/loss > 1 and a.b:c < 5", {row(1, {{"train/loss", 2}, {"a.b:c", 3}})}) == "true");
  CHECK(truth_of("a / b == 2", {row(1, {{"a", 6}, {"b", 3}})}) == "true");
}

TEST_CASE("facts are read by the same names as metrics", "[rules][logic]") {
  const auto given = facts({{"state", text("running")}, {"ended", false}, {"seed", 42.0}}, 1);
  CHECK(truth_of("state == \"running\"", {given}) == "true");
  CHECK(truth_of("state in (\"failed\", \"crashed\")", {given}) == "false");
  CHECK(truth_of("ended", {given}) == "false");
  CHECK(truth_of("seed == 42", {given}) == "true");
  CHECK(truth_of("method == \"lora\"", {given}) == "unknown");
  CHECK(truth_of("state > 5", {given}) == "unknown");
  CHECK(truth_of("absent(method) and not absent(state)", {given}) == "true");
}

TEST_CASE("a table is looked up by the run's attribute; no row is unknown", "[rules][logic]") {
  const std::string pack =
      "tables:\n  expected:\n    key: task\n    rows: {sst2: {min: 0.9, max: 0.93}, rte: {min: 0.65}}\n"
      "constants: {slack: 0.01, word: hello}\n"
      "rules:\n  - {rule: r, severity: info, when: accuracy < expected.min - slack, message: 'limit "
      "{expected.min:.3f}'}\n"
      "  - {rule: m, severity: info, when: accuracy > expected.max}\n";
  Bench bench(pack);
  CHECK(bench.apply(row(1, {{"accuracy", 0.5}})).empty());
  const auto out = bench.apply(facts({{"task", text("sst2")}}, 20));
  REQUIRE(out.size() == 1);
  CHECK(out[0].message == "limit 0.900");
  CHECK(out[0].threshold == Approx(0.89));
  Bench other(pack);
  other.apply(facts({{"task", text("rte")}}, 1));
  CHECK(Bench::brief(other.apply(row(2, {{"accuracy", 0.99}}))).empty());
  Bench unknown(pack);
  unknown.apply(facts({{"task", text("cola")}}, 1));
  CHECK(unknown.apply(row(2, {{"accuracy", 0.1}})).empty());
}

TEST_CASE("final is the end of the curve, else the summary, and a summary never enters the curve",
          "[rules][logic]") {
  Observation summary = row(-1, {{"loss", 9.0}});
  summary.kind = ObservationKind::summary;
  CHECK(truth_of("final(loss) == 9", {summary}) == "true");
  CHECK(truth_of("loss > 1", {summary}) == "unknown");
  CHECK(truth_of("final(loss) == 3 and count(loss) == 1", {row(1, {{"loss", 3}}), summary}) == "true");
  CHECK(truth_of("final(loss) == 3", {}) == "unknown");
}

TEST_CASE("age and absence are judged against what was told, never against a clock", "[rules][logic]") {
  const std::vector<Observation> rows{row(1, {{"loss", 1}}, 100)};
  CHECK(truth_of("age(loss) > 10m", rows) == "unknown");
  CHECK(truth_of("age(loss) > 10m", rows, 200) == "false");
  CHECK(truth_of("age(loss) == 700", rows, 800) == "true");
  CHECK(truth_of("age() > 10m", rows, 800) == "true");
  CHECK(truth_of("age(eval_loss) == 700", rows, 800) == "true");  // since the run was first seen
  CHECK(truth_of("absent(loss[10m])", rows, 699) == "false");
  CHECK(truth_of("absent(loss[10m])", rows, 700) == "true");
  CHECK(truth_of("absent(eval_loss[10m])", rows, 800) == "true");
  CHECK(truth_of("absent(eval_loss)", rows) == "true");
  CHECK(truth_of("absent(loss)", rows) == "false");
  CHECK(truth_of("absent(eval_loss[50 steps])", {row(1, {{"loss", 1}}), row(50, {{"loss", 1}})}) == "false");
  CHECK(truth_of("absent(eval_loss[50 steps])", {row(1, {{"loss", 1}}), row(51, {{"loss", 1}})}) == "true");
}

TEST_CASE("nonfinite looks at the last value or at a window", "[rules][logic]") {
  const std::vector<Observation> rows{row(1, {{"loss", kNan}}), row(2, {{"loss", 1}})};
  CHECK(truth_of("nonfinite(loss)", {rows[0]}) == "true");
  CHECK(truth_of("nonfinite(loss)", rows) == "false");
  CHECK(truth_of("nonfinite(loss[2 points])", rows) == "true");
  CHECK(truth_of("nonfinite(loss[1 points])", rows) == "false");
  CHECK(truth_of("nonfinite(other)", rows) == "unknown");
  CHECK(truth_of("count_nonfinite(loss) == 1 and count(loss) == 1 and count(other) == 0", rows) == "true");
  CHECK(truth_of("prev(loss) == 1", {rows[1], rows[0]}) == "true");
}
