#include "daemon/cli/score.h"

#include "daemon/cli/score_report.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

/// Log rows at steps 10, 20, … 100, each followed by a row that is none.
RecordedLog ten_rows() {
  RecordedLog log;
  for (int step = 10; step <= 100; step += 10) {
    Observation row;
    row.step = step;
    row.samples = {{"train_loss", 1.0, ""}};
    log.rows.push_back(row);
    row.samples = {{"cpu_memory_rss_mb", 5.0, ""}};
    log.rows.push_back(row);
  }
  return log;
}

ReplayedTransition fires(const std::string& rule, Severity severity, std::size_t log_row) {
  ReplayedTransition told;
  told.transition.rule = rule;
  told.transition.severity = severity;
  told.transition.to = AlertState::firing;
  told.transition.step = static_cast<std::int64_t>(log_row) * 10;
  told.row = (log_row - 1) * 2;
  return told;
}

LabelledRun labelled(RunClass run_class, std::optional<std::int64_t> onset = std::nullopt,
                     std::string repository = "") {
  return {"x.json", std::string(to_string(run_class)), run_class, onset, std::move(repository)};
}

const std::vector<ScoredRule> kRules{{"nan", {RunClass::nan}},
                                     {"loss-diverged", {RunClass::diverged}},
                                     {"loss-spike", {RunClass::diverged}},
                                     {"other", {}},
                                     {"silent", {}}};

ScoredRun scored(const LabelledRun& label, const RecordedLog& log,
                 const std::vector<ReplayedTransition>& told) {
  return score_run(label, log, told, kRules);
}

}  // namespace

TEST_CASE("lateness is counted in log rows from the onset", "[score]") {
  const RecordedLog log = ten_rows();
  const auto delay = [&](std::int64_t onset, std::size_t alert) {
    const ScoredRun run =
        scored(labelled(RunClass::nan, onset), log, {fires("nan", Severity::warning, alert)});
    REQUIRE(run.found() != nullptr);
    CHECK(run.log_rows == 10);
    CHECK(run.found()->log_row == alert);
    return run.found()->delay;
  };
  CHECK(delay(30, 3) == 0);
  CHECK(delay(25, 3) == 0);
  CHECK(delay(30, 7) == 4);
  CHECK(delay(30, 1) == -2);
  CHECK_FALSE(delay(1000, 3).has_value());
  const ScoredRun late = scored(labelled(RunClass::nan), log, {fires("nan", Severity::warning, 8)});
  CHECK(late.found()->share == Approx(0.8));
}

TEST_CASE("what the end of the run sets off comes after its last row", "[score]") {
  ReplayedTransition told = fires("nan", Severity::critical, 1);
  told.row = 20;
  const ScoredRun run = scored(labelled(RunClass::nan, 100), ten_rows(), {told});
  CHECK(run.found()->log_row == 10);
  CHECK(run.found()->share == Approx(1.0));
}

TEST_CASE("a log whose metrics nobody knows is counted by its rows", "[score]") {
  RecordedLog log = ten_rows();
  for (Observation& row : log.rows) row.samples = {{"my_own", 1.0, ""}};
  CHECK(scored(labelled(RunClass::nan), log, {}).log_rows == 20);
}

TEST_CASE("info counts as nothing, and a rule's severity is the worst it reached", "[score]") {
  const ScoredRun run = scored(labelled(RunClass::healthy), ten_rows(),
                               {fires("a", Severity::info, 1), fires("b", Severity::info, 1),
                                fires("b", Severity::warning, 4), fires("b", Severity::critical, 5)});
  REQUIRE(run.hits.size() == 1);
  CHECK(run.hits[0].rule == "b");
  CHECK(run.hits[0].step == 40);
  CHECK(run.critical());
}

TEST_CASE("runs are found by a rule of their kind or by another, and healthy ones are false alarms",
          "[score]") {
  const RecordedLog log = ten_rows();
  LabelledRun unread = labelled(RunClass::nan);
  const Scorecard score = score_runs(
      {scored(labelled(RunClass::diverged, 30, "one"), log, {fires("loss-diverged", Severity::critical, 5)}),
       scored(labelled(RunClass::diverged, 30, "one"), log, {fires("loss-spike", Severity::warning, 2)}),
       scored(labelled(RunClass::diverged, 30, "two"), log, {fires("other", Severity::warning, 6)}),
       scored(labelled(RunClass::diverged, 30, "two"), log, {}),
       scored(labelled(RunClass::healthy, {}, "one"), log, {fires("loss-spike", Severity::warning, 6)}),
       scored(labelled(RunClass::healthy, {}, "two"), log,
              {fires("loss-spike", Severity::warning, 6), fires("other", Severity::critical, 7)}),
       scored(labelled(RunClass::healthy, {}, "two"), log, {}),
       scored(labelled(RunClass::unclear), log, {fires("other", Severity::critical, 7)}),
       scored(labelled(RunClass::other), log, {fires("other", Severity::critical, 7)}),
       {unread, "it is empty", 0, {}}},
      kRules);
  const ClassScore& diverged = score.classes[1];
  CHECK(diverged.runs == 4);
  CHECK(diverged.of_kind == 2);
  CHECK(diverged.early == 1);
  CHECK(diverged.by_any == 3);
  CHECK(diverged.critical == 1);
  CHECK(score.classes[0].runs == 0);
  CHECK(score.healthy == 3);
  CHECK(score.healthy_critical == 1);
  CHECK(score.healthy_warning == 1);
  CHECK(score.unclear_alarmed == 1);
  CHECK(score.median_delay == Approx(0.5));  // +2 and -1
  CHECK(score.median_ahead == Approx(0.65));

  REQUIRE(score.rules.size() == 5);
  CHECK(score.rules[2].found[1] == 1);
  CHECK(score.rules[2].healthy_warning == 2);
  CHECK(score.rules[3].healthy_critical == 1);
  CHECK(score.rules[3].unclear == 1);
  CHECK_FALSE(score.rules[4].fired());

  REQUIRE(score.repositories.size() == 3);
  CHECK(score.repositories[0].repository == "two");
  CHECK(score.repositories[0].runs == 4);
  CHECK(score.repositories[0].false_alarms == 1);
  CHECK(score.repositories[0].missed == 2);
  CHECK(score.repositories[1].false_alarms == 1);
  CHECK(score.repositories[1].missed == 0);
}

TEST_CASE("without repositories in the labels there is no table of them, and nothing at all is no error",
          "[score]") {
  CHECK(score_runs({scored(labelled(RunClass::nan), ten_rows(), {})}, {}).repositories.empty());
  const Scorecard nothing = score_runs({}, {});
  CHECK_THAT(score_text(nothing, {}), ContainsSubstring("0 labelled runs"));
  CHECK_THAT(score_json(nothing, {}), ContainsSubstring("\"repositories\": []"));
}
