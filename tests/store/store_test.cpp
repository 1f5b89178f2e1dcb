#include "daemon/store/store.h"

#include <cmath>
#include <limits>
#include <map>

#include "daemon/store/logged_metrics.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

const Time kNow = *parse_rfc3339("2026-11-23T03:00:00Z");

std::unique_ptr<Store> open(const test::TempDir& dir, Store::Mode mode = Store::Mode::in_line) {
  std::string notice;
  auto store = Store::open(dir.path(), mode, kNow, notice);
  REQUIRE(store.has_value());
  CHECK(notice.empty());
  return std::move(*store);
}

Observation row(const std::string& run, std::int64_t step, std::vector<Sample> samples) {
  Observation o;
  o.subject = {SubjectKind::run, run};
  o.run = run;
  o.source = "wandb";
  o.seq = step;
  o.step = step;
  o.time = kNow;
  o.samples = std::move(samples);
  return o;
}

alerts::OutboxMessage message(const std::string& id) {
  alerts::OutboxMessage m;
  m.id = id;
  m.channel = "slack";
  m.payload = R"({"text":"x"})";
  m.created = kNow;
  return m;
}

StoredState load(Store& store) {
  std::size_t skipped = 0;
  auto state = store.load(skipped);
  REQUIRE(state.has_value());
  CHECK(skipped == 0);
  return std::move(*state);
}

}  // namespace

TEST_CASE("everything in a commit is there after a restart, NaN and infinities included", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  {
    auto store = open(dir);
    Commit commit;
    RunInfo run;
    run.key = "h/e/p/r1";
    run.name = "full_ft_sst2_seed42";
    run.state = RunState::running;
    run.seed = 42;
    commit.runs = {run};
    commit.observations = {row("h/e/p/r1", 7,
                               {{"train_loss", std::numeric_limits<double>::quiet_NaN(), "train/loss"},
                                {"gradient_norm_total", std::numeric_limits<double>::infinity(), ""}})};
    Observation facts;
    facts.kind = ObservationKind::facts;
    facts.subject = {SubjectKind::run, "h/e/p/r1"};
    facts.attributes = {{"state", std::string("running")}, {"ended", false}, {"lag", 1.5}};
    commit.observations.push_back(facts);
    commit.cursors = {{"wandb:x", "r1", R"({"next_step":8})"}};
    commit.instances = {{"loss-too-high", {SubjectKind::run, "h/e/p/r1"}, AlertState::pending, R"({"n":2})"}};
    commit.messages = {message("m1")};
    alerts::Alert alert;
    alert.last.id = "0123456789abcdef";
    alert.last.rule = "loss-too-high";
    alert.last.value = std::numeric_limits<double>::quiet_NaN();
    alert.fired_at = kNow;
    commit.alerts = {alert};
    REQUIRE(test::run_to_end(context, store->commit(std::move(commit))).has_value());
  }
  auto store = open(dir);
  const StoredState state = load(*store);
  REQUIRE(state.runs.size() == 1);
  CHECK(state.runs[0].name == "full_ft_sst2_seed42");
  CHECK(state.runs[0].seed == 42);
  REQUIRE(state.facts.size() == 3);
  REQUIRE(state.cursors.size() == 1);
  CHECK(state.cursors[0].value == R"({"next_step":8})");
  REQUIRE(state.instances.size() == 1);
  CHECK(state.instances[0].state == AlertState::pending);
  REQUIRE(state.alerts.size() == 1);
  CHECK(state.alerts[0].fired_at == kNow);
  CHECK(std::isnan(state.alerts[0].last.value.value_or(0)));
  REQUIRE(state.unsent.size() == 1);

  std::vector<Observation> points;
  REQUIRE(store->load_points([](const Subject&) { return PointsWanted::all; },
                             [&](Observation&& o) { points.push_back(std::move(o)); }));
  REQUIRE(points.size() == 1);
  CHECK(points[0].step == 7);
  REQUIRE(points[0].samples.size() == 2);
  CHECK(std::isinf(points[0].samples[0].value));
  CHECK(std::isnan(points[0].samples[1].value));
  CHECK(points[0].samples[1].original == "train/loss");
}

TEST_CASE("a message announced before is not queued a second time, even after it was sent", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  Commit first;
  first.messages = {message("m1")};
  REQUIRE(test::run_to_end(context, store->commit(std::move(first))));
  Commit sent;
  sent.messages = {message("m1")};
  sent.messages[0].state = alerts::MessageState::sent;
  sent.messages[0].attempts = 1;
  REQUIRE(test::run_to_end(context, store->commit(std::move(sent))));
  CHECK(load(*store).unsent.empty());
  Commit again;
  again.messages = {message("m1")};
  REQUIRE(test::run_to_end(context, store->commit(std::move(again))));
  CHECK(load(*store).unsent.empty());
}

TEST_CASE("what is known of a deleted file goes, what comes of it later stays", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  const Subject file{SubjectKind::representation, "/r/layer_0.pt"};
  const auto fact = [&](const char* verdict) {
    Observation o;
    o.kind = ObservationKind::facts;
    o.subject = file;
    o.attributes = {{"verdict", std::string(verdict)}};
    return o;
  };
  Commit commit;
  commit.observations = {fact("empty")};
  Commit later;
  later.drop(file);
  later.observations.push_back(fact("ok"));
  commit.append(std::move(later));
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))));
  const StoredState state = load(*store);
  REQUIRE(state.facts.size() == 1);
  CHECK(std::get<std::string>(state.facts[0].attributes[0].second) == "ok");
}

TEST_CASE("commits on the store's own thread arrive whole and in order", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir, Store::Mode::threaded);
  int done = 0;
  for (int i = 0; i < 200; ++i) {
    Commit commit;
    commit.cursors = {{"s", "k", std::to_string(i)}};
    commit.observations = {row("r", i, {{"train_loss", 1.0, ""}})};
    asio::co_spawn(context, store->commit(std::move(commit)),
                   [&](const std::exception_ptr& error, const Result<void>& result) {
                     if (!error && result) ++done;
                   });
  }
  context.run();
  CHECK(done == 200);
  CHECK(load(*store).cursors.at(0).value == "199");
  std::int64_t expected = 0;
  REQUIRE(store->load_points([](const Subject&) { return PointsWanted::all; },
                             [&](Observation&& o) { CHECK(o.step == expected++); }));
  CHECK(expected == 200);
}

TEST_CASE("pruning removes old points of ended runs and old sent messages, and nothing that is live",
          "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  Commit commit;
  commit.observations = {row("live", 1, {{"train_loss", 1.0, ""}}),
                         row("over", 1, {{"train_loss", 1.0, ""}})};
  Observation ended;
  ended.kind = ObservationKind::facts;
  ended.subject = {SubjectKind::run, "over"};
  ended.attributes = {{"ended", true}};
  commit.observations.push_back(ended);
  commit.messages = {message("unsent"), message("sent")};
  commit.messages[1].state = alerts::MessageState::sent;
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))));
  const Time later = kNow + std::chrono::hours{1};
  REQUIRE(test::run_to_end(
      context, store->prune({.points_before = later, .messages_before = later, .alerts_before = later})));
  std::vector<std::string> left;
  REQUIRE(store->load_points([](const Subject&) { return PointsWanted::all; },
                             [&](Observation&& o) { left.push_back(o.run); }));
  CHECK(left == std::vector<std::string>{"live"});
  CHECK(load(*store).unsent.size() == 1);
}

TEST_CASE("what the watched runs log can be seen beside a running daemon, under both names", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  Commit commit;
  commit.observations = {row("one", 1, {{"train_loss", 1.0, "train/loss"}}),
                         row("two", 1, {{"eval_loss", 1.0, ""}})};
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))));
  const auto logged = read_logged_metrics(dir.path());
  REQUIRE(logged.has_value());
  CHECK(logged->rows == 2);
  CHECK(logged->runs == 2);
  CHECK(logged->names.at("train_loss") == "train/loss");
  CHECK(logged->names.at("eval_loss") == "eval_loss");
  const auto nothing = read_logged_metrics(dir.path() + "/elsewhere");
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().text().find("there is no redflag.db in it") != std::string::npos);
}

TEST_CASE("of a run that has ended only its totals are read back when no more is asked for", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  Commit commit;
  commit.observations = {row("over", 1, {{"train_loss", 1.0, ""}}),
                         row("over", 2, {{"train_loss", 0.5, ""}})};
  commit.observations[1].kind = ObservationKind::summary;
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))));
  std::vector<double> read;
  REQUIRE(store->load_points([](const Subject&) { return PointsWanted::totals; },
                             [&](Observation&& o) { read.push_back(o.samples.at(0).value); }));
  CHECK(read == std::vector<double>{0.5});
}

TEST_CASE("a day after its end a run keeps some hundred points of each curve, and all of its scores",
          "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  Commit commit;
  for (const char* run : {"over", "live"}) {
    for (int step = 1; step <= 5000; ++step) {
      std::vector<Sample> samples{{"train_loss", 1.0 / step, ""}, {"learning_rate", 2e-5, ""}};
      if (step % 500 == 7) samples.push_back({"eval_accuracy", 0.9, ""});
      commit.observations.push_back(row(run, step, std::move(samples)));
    }
  }
  Observation ended;
  ended.kind = ObservationKind::facts;
  ended.subject = {SubjectKind::run, "over"};
  ended.attributes = {{"ended", true}};
  ended.time = kNow;
  commit.observations.push_back(ended);
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))));
  const Retention keep_all{.thin_before = kNow + std::chrono::hours{24}, .newest = 2000};
  struct Kept {
    std::vector<std::int64_t> steps;
    int scores = 0;
  };
  const auto kept = [&] {
    std::map<std::string, Kept> found;
    REQUIRE(store->load_points([](const Subject&) { return PointsWanted::all; },
                               [&](Observation&& o) {
                                 found[o.run].steps.push_back(o.step);
                                 found[o.run].scores += o.samples.size() == 3 ? 1 : 0;
                               }));
    return found;
  };
  // Before that it keeps everything.
  REQUIRE(test::run_to_end(context, store->prune({.thin_before = kNow, .newest = 10'000})));
  CHECK(kept()["over"].steps.size() == 5000);
  for (int i = 0; i < 3; ++i) REQUIRE(test::run_to_end(context, store->prune(keep_all)));
  auto found = kept();
  CHECK(found["over"].steps.size() >= 500);
  CHECK(found["over"].steps.size() <= 520);
  CHECK(found["over"].steps.front() == 1);
  CHECK(found["over"].steps.back() == 5000);
  CHECK(found["over"].scores == 10);
  // What still runs keeps its newest as they came, so that windows can be rebuilt from them.
  const std::vector<std::int64_t>& live = found["live"].steps;
  CHECK(live.size() >= 2500);
  CHECK(live.size() <= 2600);
  CHECK(live[live.size() - 2000] == 3001);
  CHECK(found["live"].scores == 10);
}
