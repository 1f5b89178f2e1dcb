// Every window function against a recomputation that is too simple to be wrong, over random streams: gaps,
// NaN, infinities, spikes of 1e30, repeated and stepped-back steps, resumed runs, jumps in time, watermarks.
#include <cmath>
#include <cstdlib>
#include <deque>
#include <limits>
#include <random>
#include <sstream>

#include "tests/rules/support.h"

using namespace redflag_test;

namespace {

struct NaivePoint {
  double value;
  std::int64_t step;
  double seconds;
};

struct NaiveWindow {
  char unit;  // p, s, t, w
  double size;
  std::deque<NaivePoint> points;

  void push(const NaivePoint& point) {
    points.push_back(point);
    if (unit == 'p') {
      while (points.size() > static_cast<std::size_t>(size)) points.pop_front();
    } else if (unit == 's') {
      while (points.size() > 1 && points.front().step <= point.step - static_cast<std::int64_t>(size))
        points.pop_front();
    } else if (unit == 't') {
      expire(point.seconds);
    }
  }
  void expire(double now) {
    if (unit != 't') return;
    while (!points.empty() && points.front().seconds <= now - size) points.pop_front();
  }
  void cut(std::int64_t step) {
    if (unit == 'w') return points.clear();
    std::deque<NaivePoint> kept;
    for (const NaivePoint& point : points) {
      if (point.step < step) kept.push_back(point);
    }
    points = kept;
  }
};

const double kUnknown = -12345.0;

double naive(const std::string& function, const NaiveWindow& window, double origin, double& scale) {
  std::vector<double> numbers;
  std::vector<std::pair<double, double>> finite;
  double bad = 0;
  for (const NaivePoint& point : window.points) {
    if (!std::isnan(point.value)) numbers.push_back(point.value);
    if (std::isfinite(point.value)) {
      finite.emplace_back(window.unit == 't' ? point.seconds - origin : static_cast<double>(point.step),
                          point.value);
      scale = std::max(scale, std::abs(point.value));
    } else {
      ++bad;
    }
  }
  if (function == "count") return static_cast<double>(numbers.size());
  if (function == "count_nonfinite") return bad;
  if (function == "min")
    return numbers.empty() ? kUnknown : *std::min_element(numbers.begin(), numbers.end());
  if (function == "max")
    return numbers.empty() ? kUnknown : *std::max_element(numbers.begin(), numbers.end());
  if (function == "last") return window.points.empty() ? kUnknown : window.points.back().value;
  long double mean_x = 0;
  long double mean_y = 0;
  for (const auto& [x, y] : finite) {
    mean_x += x;
    mean_y += y;
  }
  if (finite.empty()) return kUnknown;
  mean_x /= static_cast<long double>(finite.size());
  mean_y /= static_cast<long double>(finite.size());
  if (function == "mean") return static_cast<double>(mean_y);
  long double sxx = 0;
  long double sxy = 0;
  for (const auto& [x, y] : finite) {
    sxx += (x - mean_x) * (x - mean_x);
    sxy += (x - mean_x) * (y - mean_y);
  }
  return finite.size() < 2 || sxx == 0 ? kUnknown : static_cast<double>(sxy / sxx);
}

double parse(const std::string& word) {
  if (word == "?") return kUnknown;
  if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (word == "+Inf") return std::numeric_limits<double>::infinity();
  if (word == "-Inf") return -std::numeric_limits<double>::infinity();
  return std::strtod(word.c_str(), nullptr);
}

bool near(double got, double wanted, double scale) {
  if (std::isnan(got) || std::isnan(wanted)) return std::isnan(got) == std::isnan(wanted);
  if (got == wanted) return true;
  return std::isfinite(got) && std::isfinite(wanted) &&
         std::abs(got - wanted) <= 1e-9 * std::max(std::abs(wanted), scale);
}

}  // namespace

TEST_CASE("every function over every window agrees with a naive recomputation on random streams",
          "[rules][windows][property]") {
  const std::vector<std::string> functions{"last", "count", "count_nonfinite", "min", "max", "mean", "slope"};
  std::mt19937 random(20261123);
  const auto chance = [&](double p) { return std::uniform_real_distribution<>(0, 1)(random) < p; };
  const auto whole = [&](int low, int high) { return std::uniform_int_distribution<>(low, high)(random); };
  std::size_t compared = 0;
  for (int stream = 0; stream < 300; ++stream) {
    std::vector<NaiveWindow> windows{{'p', static_cast<double>(whole(2, 40)), {}},
                                     {'s', static_cast<double>(whole(1, 300)), {}},
                                     {'t', static_cast<double>(whole(5, 900)), {}},
                                     {'w', 0, {}}};
    std::string message;
    for (const NaiveWindow& window : windows) {
      const std::string size = std::to_string(static_cast<int>(window.size));
      const std::string spec = window.unit == 'p'   ? "[" + size + " points]"
                               : window.unit == 's' ? "[" + size + " steps]"
                               : window.unit == 't' ? "[" + size + "s]"
                                                    : "";
      for (const std::string& function : functions) message += "{" + function + "(x" + spec + "):.17g} ";
    }
    Bench bench("rules:\n  - {rule: r, severity: info, when: ask == 1, message: '" + message + "'}\n");
    std::int64_t step = 0;
    double seconds = 1;
    double first_seconds = -1;
    double mark = 0;
    std::uint32_t attempt = 1;
    const bool spikes = chance(0.3);
    for (int i = 0; i < 60; ++i) {
      if (chance(0.9)) step += whole(0, 30);
      if (chance(0.03)) step = std::max<std::int64_t>(0, step - whole(0, 60));
      seconds += chance(0.05) ? whole(0, 2000) : whole(0, 60);
      double value = std::normal_distribution<>(3, 2)(random);
      if (spikes && chance(0.05)) value = 1e30;
      if (chance(0.06)) value = std::numeric_limits<double>::quiet_NaN();
      if (chance(0.04)) value = std::numeric_limits<double>::infinity() * (chance(0.5) ? 1 : -1);
      Observation observation = row(step, {{"x", value}}, seconds);
      if (chance(0.04)) {
        ++attempt;
        step = std::max<std::int64_t>(0, step - whole(0, 200));
        observation.step = step;
        for (NaiveWindow& window : windows) window.cut(step);
      }
      observation.attempt = attempt;
      if (chance(0.15)) observation.samples[0].metric = "unrelated";
      if (first_seconds < 0) first_seconds = seconds;
      bench.apply(observation);
      if (observation.samples[0].metric == "x") {
        for (NaiveWindow& window : windows) window.push({value, step, seconds});
      }
      if (chance(0.1)) {
        const double now = seconds + whole(-50, 300);
        if (now > mark) {
          mark = now;
          bench.advance(now);
          for (NaiveWindow& window : windows) window.expire(now);
        }
      }
      Observation ask = row(step, {{"ask", 1}}, seconds);
      ask.attempt = attempt;
      const auto out = bench.apply(ask);
      REQUIRE(out.size() == 1);
      std::istringstream words(out[0].message);
      for (const NaiveWindow& window : windows) {
        for (const std::string& function : functions) {
          std::string word;
          words >> word;
          if (function == "last" && window.unit == 'w')
            continue;  // the last point kept, resumed or not: tested elsewhere
          double scale = 1.0;
          const double wanted = naive(function, window, first_seconds, scale);
          INFO("stream " << stream << " row " << i << " " << function << " over " << window.unit
                         << window.size << " of " << window.points.size() << " points: " << word
                         << ", naively " << wanted);
          REQUIRE(near(parse(word), wanted, scale));
          ++compared;
        }
      }
      Observation rest = row(step, {{"ask", 0}}, seconds);
      rest.attempt = attempt;
      bench.apply(rest);
    }
  }
  CHECK(compared == 300U * 60U * 27U);
}

TEST_CASE("the mean after a spike of 1e30 has left the window is exact", "[rules][windows]") {
  Bench bench(
      one_rule("when: loss == 2\nmessage: '{mean(loss[3 points]):.17g} {slope(loss[3 points]):.17g}'"));
  bench.apply(row(1, {{"loss", 1e30}}));
  bench.apply(row(2, {{"loss", 1}}));
  bench.apply(row(3, {{"loss", 1.5}}));
  const auto out = bench.apply(row(4, {{"loss", 2}}));
  REQUIRE(out.size() == 1);
  CHECK(out[0].message == "1.5 0.5");
}

TEST_CASE("a slope is per step, and per second over a window of time", "[rules][windows]") {
  const std::vector<Observation> rows{row(10, {{"x", 1}}, 100), row(20, {{"x", 2}}, 102),
                                      row(30, {{"x", 3}}, 104)};
  CHECK(truth_of("abs(slope(x[3 points]) - 0.1) < 1e-12", rows) == "true");
  CHECK(truth_of("abs(slope(x[100 steps]) - 0.1) < 1e-12", rows) == "true");
  CHECK(truth_of("abs(slope(x) - 0.1) < 1e-12", rows) == "true");
  CHECK(truth_of("abs(slope(x[1m]) - 0.5) < 1e-12", rows) == "true");
  CHECK(truth_of("slope(x[3 points]) > 0", {rows[0]}) == "unknown");
  CHECK(truth_of("slope(x) > 0", {rows[0], rows[0]}) == "unknown");  // one step has no slope
}

TEST_CASE("a window never holds more points than it was asked to", "[rules][windows]") {
  Bench bench(one_rule("when: count(x[1000 points]) > 1000 or min(x[1000 points]) < 0"));
  for (int i = 0; i < 20000; ++i) bench.apply(row(i, {{"x", static_cast<double>(i)}}));
  CHECK(bench.all.empty());
}

TEST_CASE("among a hundred thousand files the one that is empty is found", "[rules][windows]") {
  Bench bench("rules:\n  - {rule: r, on: representation, severity: info, when: verdict == \"empty\"}\n");
  for (int i = 0; i < 100000; ++i) {
    bench.apply(
        facts({{"verdict", text(i == 77777 ? "empty" : "ok")}, {"junk", text("not read by any rule")}}, 1,
              {SubjectKind::representation, "/r/step_" + std::to_string(i)}));
  }
  REQUIRE(bench.all.size() == 1);
  CHECK(bench.all[0].subject.key == "/r/step_77777");
}
