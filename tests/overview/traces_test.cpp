// What is remembered of each run is right, small, and shows what matters.
#include "daemon/overview/traces.h"

#include <cmath>

#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using test::moment;

Observation row(std::int64_t step, std::vector<Sample> samples, std::uint32_t attempt = 1) {
  Observation o;
  o.subject = {SubjectKind::run, "k"};
  o.source = "wandb";
  o.step = step;
  o.attempt = attempt;
  o.time = moment(step % 1'000'000'000 * 2);
  o.samples = std::move(samples);
  return o;
}

RunView view_of(const RunTraces& traces) {
  RunView view;
  REQUIRE(traces.find("k") != nullptr);
  traces.find("k")->describe(view, traces.metrics());
  return view;
}

TEST_CASE("The newest value of every metric is known, with its step", "[overview][traces]") {
  RunTraces traces;
  traces.note(row(10, {{"train_loss", 0.7, ""}, {"learning_rate", 1e-5, ""}}));
  traces.note(row(20, {{"train_loss", NAN, ""}}));
  const RunView view = view_of(traces);
  REQUIRE(view.latest.size() == 2);
  CHECK(view.latest[0].metric == "learning_rate");
  CHECK(view.latest[0].step == 10);
  CHECK(std::isnan(*view.value_of("train_loss")));
  CHECK(view.latest[1].step == 20);
  CHECK(view.step == 20);
  CHECK(view.last_row_at == moment(40));
  CHECK(view.leading_source == "wandb");
  CHECK(view.steps_per_second == 0.5);
}

TEST_CASE("However long a run is, its loss is at most 64 points and a spike stays visible",
          "[overview][traces]") {
  for (const int length : {1, 2, 61, 62, 63, 64, 65, 127, 128, 1000, 4097, 50'000}) {
    for (const double spike : {8.5, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
      RunTraces traces;
      for (int i = 0; i < length; ++i) {
        const double noise = 0.02 * std::sin(i * 1.7);
        const double loss = 2.0 * std::exp(-3.0 * i / length) + noise;
        traces.note(row(i, {{"train_loss", i == length / 3 ? spike : loss, ""}}));
      }
      const RunView view = view_of(traces);
      INFO(length << " rows, spike " << spike);
      CHECK(view.loss.size() <= 64);
      CHECK(view.loss.size() >= std::min<std::size_t>(static_cast<std::size_t>(length), 31));
      const bool seen = std::any_of(view.loss.begin(), view.loss.end(), [&](double value) {
        return std::isnan(spike) ? std::isnan(value) : value == spike;
      });
      CHECK(seen);
      // The last point is the newest value.
      if (length > 1) CHECK(view.loss.back() == Approx(*view.value_of("train_loss")));
    }
  }
}

TEST_CASE("A loss beyond any float is large, not infinite", "[overview][traces]") {
  RunTraces traces;
  traces.note(row(1, {{"train_loss", 1e300, ""}}));
  CHECK(std::isfinite(view_of(traces).loss.at(0)));
}

TEST_CASE("A run that was resumed at an earlier step has one curve", "[overview][traces]") {
  RunTraces traces;
  for (int i = 0; i < 50; ++i) traces.note(row(i, {{"train_loss", 1.0, ""}}));
  traces.note(row(20, {{"train_loss", 3.0, ""}}, 2));
  RunView view = view_of(traces);
  CHECK(view.attempt == 2);
  CHECK(view.step == 20);
  CHECK(view.loss.size() == 21);
  CHECK(view.loss.back() == 3.0);
  CHECK(view.steps_per_second == 0.0);                 // not yet
  traces.note(row(40, {{"train_loss", 9.0, ""}}, 1));  // late, of what was given up
  view = view_of(traces);
  CHECK(view.step == 20);
  CHECK(view.loss.back() == 3.0);
}

TEST_CASE("How fast it goes is told by the newest rows only", "[overview][traces]") {
  RunTraces traces;
  Observation slow = row(0, {{"train_loss", 1.0, ""}});
  for (int i = 0; i < 100; ++i) {
    slow.step = i;
    slow.time = moment(i * 10);
    traces.note(slow);
  }
  CHECK(view_of(traces).steps_per_second == Approx(0.1));
  for (int i = 0; i < 100; ++i) {
    slow.step = 100 + i * 5;
    slow.time = moment(1000 + i);
    traces.note(slow);
  }
  CHECK(view_of(traces).steps_per_second == Approx(5.0));
  slow.time = Time{};
  traces.note(slow);
  CHECK(view_of(traces).steps_per_second == Approx(5.0));
}

TEST_CASE("A curve called loss serves until train_loss comes", "[overview][traces]") {
  RunTraces traces;
  traces.note(row(1, {{"loss", 5.0, ""}}));
  CHECK(view_of(traces).loss == std::vector<double>{5.0});
  traces.note(row(2, {{"train_loss", 0.5, ""}, {"loss", 4.0, ""}}));
  traces.note(row(3, {{"loss", 4.0, ""}}));
  CHECK(view_of(traces).loss == std::vector<double>{0.5});
}

TEST_CASE("A run with twenty metrics takes less than a kilobyte and a half", "[overview][traces]") {
  RunTraces traces;
  std::vector<Sample> samples;
  for (int i = 0; i < 19; ++i) samples.push_back({"metric_" + std::to_string(i), 1.0, ""});
  samples.push_back({"train_loss", 1.0, ""});
  Observation one = row(0, samples);
  for (int i = 0; i < 5000; ++i) {
    one.step = i;
    one.time = moment(i);
    traces.note(one);
  }
  one.kind = ObservationKind::summary;
  traces.note(one);
  INFO(traces.find("k")->bytes());
  CHECK(traces.find("k")->bytes() < 1500);
}

TEST_CASE("What a run logs cannot make its trace grow without bound", "[overview][traces]") {
  RunTraces traces;
  for (int i = 0; i < 100'000; ++i) traces.note(row(i, {{"metric_" + std::to_string(i), 1.0, ""}}));
  CHECK(view_of(traces).latest.size() == RunTrace::kMostMetrics);
  CHECK(traces.metrics().size() <= 65'535);
  traces.note(row(1LL << 60, {{"metric_0", 2.0, ""}}));
  CHECK(view_of(traces).step == 1LL << 60);
  traces.forget("k");
  CHECK(traces.find("k") == nullptr);
}

TEST_CASE("What was read from the store joins what is known, unless there are newer rows",
          "[overview][traces]") {
  RunTraces store;
  store.note(row(1, {{"zeta", 1.0, ""}, {"train_loss", 0.5, ""}}));
  RunTraces traces;
  traces.metrics();
  Observation totals = row(9, {{"eval_accuracy", 0.9, ""}});
  totals.kind = ObservationKind::summary;
  traces.note(totals);
  traces.adopt("k", store);
  RunView view = view_of(traces);
  CHECK(view.value_of("zeta") == 1.0);
  CHECK(view.loss.size() == 1);
  CHECK(view.leading_source == "wandb");
  CHECK(traces.find("k")->total("eval_accuracy", traces.metrics()) == 0.9);
  RunTraces older;
  older.note(row(7, {{"zeta", 7.0, ""}}));
  traces.adopt("k", older);
  CHECK(view_of(traces).value_of("zeta") == 1.0);
}

TEST_CASE("How many steps a run will make is read from its configuration, else from its epochs",
          "[overview][traces]") {
  using nlohmann::json;
  CHECK(total_steps(json{{"max_steps", 1000}}, {}) == 1000);
  CHECK(total_steps(json{{"max_steps", -1}, {"num_train_steps", 500}}, {}) == 500);
  CHECK(total_steps(json{{"trainer", {{"max_steps", 300.0}}}}, {}) == 300);
  CHECK(total_steps(json{{"max_steps", -1}, {"num_train_epochs", 3}}, LatestValue{"epoch", 1.5, 230}) == 460);
  CHECK(total_steps(json{{"num_train_epochs", 3}}, LatestValue{"epoch", 0.0, 0}) == 0);
  CHECK(total_steps(json{{"num_train_epochs", 3}}, LatestValue{"epoch", NAN, 10}) == 0);
  CHECK(total_steps(json{{"max_steps", "many"}}, {}) == 0);
  CHECK(total_steps(json{{"max_steps", 1e300}}, {}) == 0);
  CHECK(total_steps(json::array(), {}) == 0);
  CHECK(total_steps(json(nullptr), {}) == 0);
}

}  // namespace
}  // namespace redflag::daemon
