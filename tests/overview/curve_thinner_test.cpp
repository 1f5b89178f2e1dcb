// A curve may become thin, but nothing that matters is lost on the way.
#include "daemon/overview/curve_thinner.h"

#include <cmath>
#include <limits>

#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

Observation row(std::int64_t step, std::vector<Sample> samples, std::uint32_t attempt = 1) {
  Observation o;
  o.subject = {SubjectKind::run, "k"};
  o.step = step;
  o.attempt = attempt;
  o.time = test::moment(step);
  o.samples = std::move(samples);
  return o;
}

bool has(const Curve& curve, std::int64_t step) {
  return std::any_of(curve.points.begin(), curve.points.end(),
                     [step](const CurvePoint& point) { return point.step == step; });
}

TEST_CASE("A curve of no more points than are wanted stays as it came", "[overview][curves]") {
  CurveReader reader({{}, 500, -1, -1});
  for (int i = 0; i < 500; ++i) reader.add(row(i, {{"train_loss", i % 7 * 0.1, ""}}));
  const std::vector<Curve> curves = reader.take();
  REQUIRE(curves.size() == 1);
  CHECK(curves[0].points_total == 500);
  REQUIRE(curves[0].points.size() == 500);
  for (int i = 0; i < 500; ++i) CHECK(curves[0].points[static_cast<std::size_t>(i)].step == i);
  CHECK(curves[0].points[3].time == test::moment(3));
}

TEST_CASE("Of a long curve first, last, lowest, highest and what is not finite stay", "[overview][curves]") {
  for (const std::size_t points : {0U, 1U, 8U, 100U, 500U, 2000U}) {
    CurveReader reader({{}, points, -1, -1});
    for (int i = 0; i < 50'000; ++i) {
      double value = 1.0 + 0.1 * std::sin(i * 0.7);
      if (i == 12'345) value = 9.0;
      if (i == 33'333) value = -3.0;
      if (i == 40'000) value = NAN;
      if (i == 41'000) value = -INFINITY;
      reader.add(row(i, {{"train_loss", value, ""}}));
    }
    const Curve curve = reader.take().at(0);
    INFO(points << " wanted, " << curve.points.size() << " given");
    CHECK(curve.points_total == 50'000);
    CHECK(curve.points.size() <= std::max<std::size_t>(32, points + 16));
    if (points >= 8) CHECK(curve.points.size() >= points / 4);
    for (const std::int64_t step : {0, 12'345, 33'333, 40'000, 41'000, 49'999}) CHECK(has(curve, step));
    for (std::size_t i = 1; i < curve.points.size(); ++i)
      CHECK(curve.points[i - 1].step < curve.points[i].step);
  }
}

TEST_CASE("A loss that is NaN for hours is a few points, where it begins and ends among them",
          "[overview][curves]") {
  CurveReader reader({{}, 100, -1, -1});
  for (int i = 0; i < 30'000; ++i)
    reader.add(row(i, {{"train_loss", i < 10'000 || i > 29'000 ? 1.0 : NAN, ""}}));
  const Curve curve = reader.take().at(0);
  CHECK(curve.points.size() < 150);
  CHECK(has(curve, 10'000));
  CHECK(has(curve, 29'000));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CurveReader wild({{}, 100, -1, -1});
  for (int i = 0; i < 30'000; ++i) wild.add(row(i, {{"train_loss", i % 2 == 0 ? nan : 1.0, ""}}));
  CHECK(wild.take().at(0).points.size() <= 100 / 4 * (4 + ThinnedCurve::kMostNonfinite));
}

TEST_CASE("Attempts are joined: a resumed run's steps never go back", "[overview][curves]") {
  for (const std::size_t points : {20U, 10'000U}) {
    CurveReader reader({{}, points, -1, -1});
    for (int i = 0; i < 1000; ++i) reader.add(row(i, {{"a", 1.0, ""}, {"b", 1.0, ""}}));
    reader.add(row(400, {{"a", 5.0, ""}}, 2));
    reader.add(row(900, {{"a", 7.0, ""}}, 1));  // late, of what was given up
    reader.add(row(401, {{"a", 5.0, ""}}, 2));
    const std::vector<Curve> curves = reader.take();
    for (const Curve& curve : curves) {
      for (std::size_t i = 1; i < curve.points.size(); ++i)
        CHECK(curve.points[i - 1].step < curve.points[i].step);
    }
    CHECK(curves.at(0).points.back().step == 401);
    CHECK(curves.at(0).points.back().value == 5.0);
    CHECK(curves.at(1).points.back().step < 400);
    if (points == 10'000) CHECK(curves.at(0).points_total == 402);
  }
}

TEST_CASE("Only what is wanted is read: metrics and steps", "[overview][curves]") {
  CurveReader reader({{"b"}, 500, 10, 19});
  for (int i = 0; i < 100; ++i) reader.add(row(i, {{"a", 1.0, ""}, {"b", 1.0 * i, ""}}));
  const std::vector<Curve> curves = reader.take();
  REQUIRE(curves.size() == 1);
  CHECK(curves[0].metric == "b");
  CHECK(curves[0].points_total == 10);
  CHECK(curves[0].points.front().step == 10);
  CHECK(curves[0].points.back().step == 19);
  CurveReader none({{"zeta"}, 500, -1, -1});
  none.add(row(1, {{"a", 1.0, ""}}));
  CHECK(none.take().empty());
}

}  // namespace
}  // namespace redflag::daemon
