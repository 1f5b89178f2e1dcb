#include "daemon/cli/curve.h"

#include <cmath>
#include <limits>
#include <sstream>

#include "alerts/text/utf8.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Characters, not bytes; fails on bytes that are no UTF-8.
std::size_t width_of(const std::string& line) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < line.size(); ++count) {
    const auto decoded = alerts::decode_at(line, at);
    REQUIRE(decoded.valid);
    at += decoded.bytes;
  }
  return count;
}

/// The lines of the plot itself: those with an axis at their left.
std::vector<std::string> plot_of(const std::string& text) {
  std::vector<std::string> plot;
  for (const std::string& line : lines_of(text)) {
    if (line.find("│") != std::string::npos || line.find("┤") != std::string::npos) plot.push_back(line);
  }
  return plot;
}

bool has_dots(const std::string& line) {
  for (std::size_t at = 0; at < line.size();) {
    const auto decoded = alerts::decode_at(line, at);
    if ((decoded.code > 0x2800 && decoded.code <= 0x28ff) || decoded.code == U'•') return true;
    at += decoded.bytes;
  }
  return false;
}

std::vector<CurvePoint> falling(std::size_t count) {
  std::vector<CurvePoint> points;
  for (std::size_t i = 0; i < count; ++i)
    points.push_back(
        {static_cast<std::int64_t>(i), 2.0 - static_cast<double>(i) / static_cast<double>(count)});
  return points;
}

}  // namespace

TEST_CASE("a curve shows its highest and lowest value and its first and last step", "[curve]") {
  const std::string text = draw_curve("train_loss", {{10, 4.0}, {20, 3.0}, {30, 1.0}}, {}, {});
  const auto lines = lines_of(text);
  CHECK(lines[0] == "train_loss  3 points");
  const auto plot = plot_of(text);
  REQUIRE(plot.size() == 10);
  CHECK_THAT(plot.front(), ContainsSubstring("4.0"));
  CHECK_THAT(plot.back(), ContainsSubstring("1.0"));
  CHECK_THAT(lines.back(), ContainsSubstring("step 10"));
  CHECK(lines.back().ends_with("30"));
  CHECK(width_of(lines.back()) == 72);
}

TEST_CASE("one spike in a million points reaches the top of the plot", "[curve]") {
  std::vector<CurvePoint> points(1000000, {0, 1.0});
  for (std::size_t i = 0; i < points.size(); ++i) points[i].step = static_cast<std::int64_t>(i);
  points[654321].value = 100.0;
  points[123456].value = 0.5;
  const auto plot = plot_of(draw_curve("loss", points, {}, {}));
  CHECK(has_dots(plot.front()));
  CHECK(has_dots(plot.back()));
}

TEST_CASE("the scale is logarithmic beyond three decades, and the title says so", "[curve]") {
  const auto title = [](std::vector<CurvePoint> points) {
    return lines_of(draw_curve("x", points, {}, {}))[0];
  };
  CHECK_THAT(title({{1, 10000.0}, {2, 1.0}}), ContainsSubstring("log scale"));
  CHECK_THAT(title({{1, 500.0}, {2, 1.0}}), !ContainsSubstring("log scale"));
  CHECK_THAT(title({{1, 10000.0}, {2, 0.0}}), !ContainsSubstring("log scale"));
  const auto plot = plot_of(draw_curve("x", {{0, 1e-6}, {50, 1.0}, {100, 1e6}}, {}, {}));
  std::size_t drawn = 0;  // a straight line: something in every row
  for (const std::string& line : plot) drawn += has_dots(line) ? 1 : 0;
  CHECK(drawn == plot.size());
}

TEST_CASE("NaN and infinities are marked in a row of their own, at their column", "[curve]") {
  const std::string text =
      draw_curve("loss", {{0, 1.0}, {25, kNan}, {50, kInf}, {75, -kInf}, {100, 2.0}}, {}, {});
  const auto lines = lines_of(text);
  CHECK_THAT(lines[0], ContainsSubstring("3 not finite"));
  REQUIRE_THAT(lines[1], ContainsSubstring("NaN/Inf"));
  const std::string marks = lines[1].substr(lines[1].find("┆") + std::string("┆").size());
  CHECK(marks.find('N') < marks.find('^'));
  CHECK(marks.find('^') < marks.find('v'));
  CHECK(marks.find('N') > 10);
}

TEST_CASE("a curve of NaN alone is still drawn", "[curve]") {
  const std::string text = draw_curve("loss", {{1, kNan}, {2, kNan}}, {}, {});
  CHECK_THAT(text, ContainsSubstring("no finite value"));
  CHECK_THAT(text, ContainsSubstring("N"));
}

TEST_CASE("marks stand under their step and are explained below", "[curve]") {
  const std::string text = draw_curve("loss", falling(101),
                                      {{50, "loss-diverged", '!', Severity::critical},
                                       {100, "loss-too-high", '?', Severity::warning},
                                       {-1, "run-failed", '!', Severity::critical}},
                                      {});
  const auto lines = lines_of(text);
  std::size_t signs = 0;
  while (signs < lines.size() && lines[signs].find("└") == std::string::npos) ++signs;
  ++signs;
  REQUIRE(signs < lines.size());
  const std::size_t middle = lines[signs].find('!');
  CHECK(middle > 33);
  CHECK(middle < 43);
  CHECK(lines[signs].find('?') == 71);
  CHECK_THAT(text, ContainsSubstring("! step 50 loss-diverged critical\n"));
  CHECK_THAT(text, ContainsSubstring("? step 100 loss-too-high warning\n"));
  CHECK_THAT(text, ContainsSubstring("! step unknown run-failed critical\n"));
}

TEST_CASE("of several marks in one column the most severe is seen", "[curve]") {
  const std::string text =
      draw_curve("loss", falling(100),
                 {{50, "a", 'a', Severity::warning}, {50, "b", 'b', Severity::critical}}, {30, 5, false});
  const auto lines = lines_of(text);
  CHECK_THAT(lines[7], ContainsSubstring("b"));
  CHECK_THAT(lines[7], !ContainsSubstring("a"));
}

TEST_CASE("nothing, one point, a constant and huge values are drawn too", "[curve]") {
  CHECK(draw_curve("loss", {}, {}, {}) == "loss: no points to draw\n");
  const auto drawn = [](std::vector<CurvePoint> points, CurveOptions options = {}) {
    const std::string text = draw_curve("x", points, {}, options);
    std::size_t rows = 0;
    for (const std::string& line : plot_of(text)) {
      rows += has_dots(line) ? 1 : 0;
      width_of(line);
    }
    return rows;
  };
  CHECK(drawn({{5, 0.7}}) == 1);
  CHECK(drawn({{1, 0.6931}, {2, 0.6931}, {3, 0.6931}}) == 1);
  CHECK(drawn({{1, -1e308}, {2, 1e308}}) == 10);
  CHECK(drawn({{1, 5e-324}, {2, 1e308}}) == 10);
  CHECK(drawn({{std::numeric_limits<std::int64_t>::min(), 1.0},
               {std::numeric_limits<std::int64_t>::max(), 2.0}}) == 10);
  CHECK(drawn({{1, 1.0}, {2, 2.0}}, {0, 0, false}) == 3);
  CHECK(drawn({{1, 1.0}, {2, 2.0}}, {1000000, 1000000, false}) == 100);
  CHECK(drawn({{1, 1.0}, {2, std::nextafter(1.0, 2.0)}}) > 0);
}

TEST_CASE("a resumed run's second pass is not joined to the end of the first", "[curve]") {
  // 0 … 100 at value 1, then again from 0 at value 2: a joining line would cross the rows between.
  std::vector<CurvePoint> points;
  for (int pass = 1; pass <= 2; ++pass) {
    for (int i = 0; i <= 100; ++i) points.push_back({i, static_cast<double>(pass)});
  }
  const auto plot = plot_of(draw_curve("loss", points, {}, {}));
  CHECK(has_dots(plot.front()));
  CHECK(has_dots(plot.back()));
  for (std::size_t i = 1; i + 1 < plot.size(); ++i) CHECK_FALSE(has_dots(plot[i]));
}

TEST_CASE("the axis says what it counts", "[curve]") {
  CurveOptions options;
  options.along = "row";
  CHECK_THAT(draw_curve("disk_used_percent", falling(5), {}, options),
             ContainsSubstring(" row ") && !ContainsSubstring("step"));
  CHECK_THAT(draw_curve("loss", falling(5), {}, {}), ContainsSubstring(" step "));
}

TEST_CASE("colour and what a name holds cannot reach the terminal uninvited", "[curve]") {
  const std::vector<CurveMark> marks{{1, "evil\033[2Jname", '\033', Severity::critical}};
  CHECK(draw_curve("a\033[31mb\n", falling(5), marks, {}).find('\033') == std::string::npos);
  CHECK(draw_curve("loss", falling(5), marks, {72, 10, true}).find("\033[1;31m") != std::string::npos);
}
