// Each point once: streams of several sources, interleaved at random, with losses, outages and restarts, held
// against the set of points that were logged.
#include <random>
#include <set>

#include "daemon/follow/point_ledger.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon::follow;

namespace {

Observation row(std::string source, std::int64_t seq, std::int64_t step, std::vector<std::string> metrics,
                std::uint32_t attempt = 1) {
  Observation one;
  one.subject = {SubjectKind::run, "r"};
  one.run = "r";
  one.source = std::move(source);
  one.seq = seq;
  one.step = step;
  one.attempt = attempt;
  for (std::string& metric : metrics) one.samples.push_back({std::move(metric), 1.0, {}});
  return one;
}

using Point = std::tuple<std::uint32_t, std::string, std::int64_t>;

/// What reached the intake; a point that came twice is counted.
struct Told {
  std::set<Point> points;
  std::set<std::int64_t> sequence;
  std::size_t twice = 0;
  std::vector<Observation> kept;

  void take(PointLedger& ledger, Observation one) {
    if (!ledger.take(one)) return;
    if (has_wandb_sequence(one) && !sequence.insert(one.seq).second) ++twice;
    for (const Sample& sample : one.samples) {
      if (!points.emplace(one.attempt, sample.metric, one.step).second) ++twice;
    }
    kept.push_back(std::move(one));
  }
};

}  // namespace

TEST_CASE("A set of steps is exact for what is logged regularly, at random and backwards", "[ledger]") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    StepSet set;
    std::set<std::int64_t> truth;
    std::int64_t step = 0;
    for (int i = 0; i < 300; ++i) {
      step += round % 3 == 0 ? 10 : static_cast<std::int64_t>(random() % 50);
      const std::int64_t added = random() % 20 == 0 ? step / 2 : step;
      set.add(added);
      truth.insert(added);
    }
    for (std::int64_t each = 0; each <= step + 10; ++each)
      REQUIRE(set.contains(each) == truth.contains(each));
    REQUIRE(StepSet::restored(set.serialize()) == set);
  }
}

TEST_CASE("A set of steps that nobody could keep is bounded, and forgets nothing that was told", "[ledger]") {
  StepSet set;
  std::mt19937 random(3);
  std::vector<std::int64_t> all;
  std::int64_t step = 0;
  for (int i = 0; i < 20000; ++i)
    set.add(all.emplace_back(step += 1 + static_cast<std::int64_t>(random() % 9)));
  for (const std::int64_t each : all) REQUIRE(set.contains(each));
  CHECK_FALSE(set.contains(step + 1));
  CHECK(set.serialize().size() < 40 * StepSet::kMostRuns);
}

TEST_CASE("A set of steps that was kept and cannot be read is empty", "[ledger]") {
  for (const char* text : {"", "x", "-2", "5;", "5;1", "5;1+0*3", "5;1+1*0", "5;1+1*99999999999999999999",
                           "5;9007199254740993+1*1", "5;1+9007199254740992*3"})
    CHECK(StepSet::restored(text).empty());
}

TEST_CASE("Rows of W&B's API and of its file are the same rows, whatever the interleaving", "[ledger]") {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::int64_t> sequence;
    for (std::int64_t seq = 0; sequence.size() < 200; seq += 1 + (random() % 7 == 0 ? random() % 5 : 0))
      sequence.push_back(seq);
    // The file loses a stretch at times (a block that was never written), the API an outage's worth at once.
    const std::size_t lost_from = random() % 200;
    const std::size_t lost_to =
        round % 2 == 0 ? lost_from : std::min<std::size_t>(200, lost_from + random() % 20);
    PointLedger ledger;
    Told told;
    std::size_t api = 0;
    std::size_t file = 0;
    while (api < sequence.size() || file < sequence.size()) {
      const bool outage = random() % 3 != 0;
      if (file < sequence.size() && (outage || api == sequence.size())) {
        for (std::size_t n = random() % 9; n > 0 && file < sequence.size(); --n, ++file) {
          if (file < lost_from || file >= lost_to)
            told.take(ledger, row("wandb_file", sequence[file], sequence[file] * 10, {"train_loss", "lr"}));
        }
      } else {
        for (std::size_t n = random() % 30; n > 0 && api < sequence.size(); --n, ++api)
          told.take(ledger, row("wandb", sequence[api], sequence[api] * 10, {"train_loss", "lr"}));
      }
      if (random() % 15 == 0) {  // a restart: attempts are kept, points are read back
        PointLedger next;
        next.restore_attempts(ledger.serialize_attempts());
        for (const Observation& one : told.kept) next.recall(one);
        ledger = std::move(next);
      }
    }
    REQUIRE(told.twice == 0);
    REQUIRE(told.sequence == std::set<std::int64_t>(sequence.begin(), sequence.end()));
    REQUIRE(ledger.attempt() == 1);
  }
}

TEST_CASE("Other sources are joined by metric and step: nothing twice, nothing missing", "[ledger]") {
  // Each logs some metrics at its own stride; what several log at the same step is one point.
  struct Stream {
    std::string source;
    std::int64_t stride;
    std::vector<std::string> metrics;
  };
  const std::vector<Stream> streams{{"wandb", 10, {"train_loss", "learning_rate"}},
                                    {"wandb_file", 10, {"train_loss", "learning_rate"}},
                                    {"tensorboard", 5, {"train_loss", "gradient_norm_total"}},
                                    {"trainer_state", 10, {"train_loss", "eval_loss"}},
                                    {"console", 25, {"train_loss"}}};
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    PointLedger ledger;
    Told told;
    std::set<Point> logged;
    std::vector<std::int64_t> next(streams.size(), 0);
    for (;;) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < streams.size(); ++i) {
        if (next[i] <= 500) open.push_back(i);
      }
      if (open.empty()) break;
      const std::size_t which = open[random() % open.size()];
      const Stream& stream = streams[which];
      for (std::size_t n = random() % 20; n > 0 && next[which] <= 500; --n) {
        const std::int64_t step = next[which];
        const bool wandb = stream.source.starts_with("wandb");
        told.take(ledger, row(stream.source, wandb ? step / 10 : -1, step, stream.metrics));
        for (const std::string& metric : stream.metrics) logged.emplace(1, metric, step);
        next[which] += stream.stride;
      }
      if (random() % 20 == 0) {
        PointLedger after;
        if (random() % 2 == 0) {
          after.restore(ledger.serialize());
        } else {
          after.restore_attempts(ledger.serialize_attempts());
          for (const Observation& one : told.kept) after.recall(one);
        }
        ledger = std::move(after);
      }
    }
    REQUIRE(told.twice == 0);
    REQUIRE(told.points == logged);
  }
}

TEST_CASE("A run that goes back opens one attempt, whoever notices first", "[ledger]") {
  for (const bool file_first : {true, false}) {
    PointLedger ledger;
    Told told;
    const auto tell = [&](const std::string& source, std::int64_t seq, std::int64_t step, std::uint32_t own) {
      told.take(ledger, row(source, seq, step, {"train_loss"}, own));
    };
    // 0…9 at steps 0…90, then resumed at step 50.
    const std::string first = file_first ? "wandb_file" : "wandb";
    const std::string second = file_first ? "wandb" : "wandb_file";
    for (int i = 0; i < 10; ++i) tell(first, i, i * 10, 1);
    for (int i = 0; i < 5; ++i) tell(second, i, i * 10, 1);
    for (int i = 10; i < 20; ++i) tell(first, i, (i - 5) * 10, 2);
    for (int i = 5; i < 10; ++i) tell(second, i, i * 10, 1);
    for (int i = 10; i < 22; ++i) tell(second, i, (i - 5) * 10, 2);
    CHECK(ledger.attempt() == 2);
    CHECK(told.twice == 0);
    REQUIRE(told.sequence.size() == 22);
    for (const Observation& one : told.kept) CHECK(one.attempt == (one.seq < 10 ? 1 : 2));
  }
}

TEST_CASE("Rows that the sooner source lost are told by the later one, in the attempt they belong to",
          "[ledger]") {
  PointLedger ledger;
  Told told;
  for (int i = 0; i < 50; ++i) told.take(ledger, row("wandb_file", i, i, {"train_loss"}));
  // Killed: the file lacks 50…59. Resumed from step 30.
  for (int i = 60; i < 80; ++i) told.take(ledger, row("wandb_file", i, i - 30, {"train_loss"}, 2));
  for (int i = 0; i < 80; ++i)
    told.take(ledger, row("wandb", i, i < 60 ? i : i - 30, {"train_loss"}, i < 60 ? 1 : 2));
  CHECK(told.twice == 0);
  CHECK(told.sequence.size() == 80);
  CHECK(ledger.attempt() == 2);
  for (const Observation& one : told.kept) CHECK(one.attempt == (one.seq < 60 ? 1 : 2));
}

TEST_CASE("A history that is first read after a resume is told from its own beginning", "[ledger]") {
  PointLedger ledger;
  Told told;
  for (int i = 0; i < 10; ++i) told.take(ledger, row("wandb", i, i * 10, {"train_loss"}));
  for (int i = 10; i < 15; ++i) told.take(ledger, row("wandb", i, (i - 5) * 10, {"train_loss"}, 2));
  // trainer_state.json of the first attempt, with a metric more.
  for (int i = 0; i < 10; ++i)
    told.take(ledger, row("trainer_state", -1, i * 10, {"train_loss", "gradient_norm_total"}));
  CHECK(told.twice == 0);
  CHECK(ledger.attempt() == 2);
  for (int i = 0; i < 10; ++i) CHECK(told.points.contains({1, "gradient_norm_total", i * 10}));
}

TEST_CASE("A run made anew under the same id begins its sequence again", "[ledger]") {
  PointLedger ledger;
  Told told;
  for (int i = 0; i < 10; ++i) told.take(ledger, row("wandb", i, i, {"train_loss"}));
  told.sequence.clear();
  for (int i = 0; i < 10; ++i) told.take(ledger, row("wandb", i, i, {"train_loss"}, 2));
  CHECK(told.twice == 0);
  CHECK(told.kept.size() == 20);
  CHECK(told.kept.back().attempt == 2);
}

TEST_CASE("What a source logs twice itself it means twice", "[ledger]") {
  PointLedger ledger;
  Observation first = row("push", -1, 100, {"eval_loss"});
  Observation second = first;
  CHECK(ledger.take(first));
  CHECK(ledger.take(second));
  Observation third = row("console", -1, 100, {"eval_loss"});
  CHECK_FALSE(ledger.take(third));
}

TEST_CASE("A ledger that was kept and is damaged is a new one", "[ledger]") {
  for (const char* text : {"", "[]", "{\"attempt\":-1}", "{\"places\":3}", "{\"told\":[[1]],\"begins\":[7]}",
                           "{\"told\":[[1,{\"m\":{\"s\":7}}]],\"sequence\":\"nonsense\"}"}) {
    PointLedger ledger;
    ledger.restore(text);
    Observation one = row("wandb", 0, 0, {"train_loss"});
    CHECK(ledger.take(one));
  }
}
