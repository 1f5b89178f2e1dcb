#include <limits>

#include "rules/values/glob.h"
#include "tests/rules/support.h"

using namespace redflag_test;

namespace {
const double kNan = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("an alert says what, where, since when, and resolves with the value that resolved it",
          "[rules][lifecycle]") {
  Bench bench(
      one_rule("when: loss > 5\nmessage: 'loss {loss:.3g} at step {step}, limit {threshold}, {name}, since "
               "{since}'\nhint: try less"));
  bench.apply(facts({{"name", text("full_ft")}}, 1));
  CHECK(bench.apply(row(1, {{"loss", 4}})).empty());
  Observation bad = row(2, {{"loss", 8.4567}});
  bad.samples[0].original = "train/loss";
  const auto fired = bench.apply(bad);
  REQUIRE(Bench::brief(fired) == Lines{"r: inactive->firing warning"});
  const Transition& t = fired[0];
  CHECK(t.message == "loss 8.46 at step 2, limit 5, full_ft, since " + to_rfc3339(at(20)));
  CHECK(t.value == 8.4567);
  CHECK(t.threshold == 5.0);
  CHECK(t.comparison == ">");
  CHECK(t.step == 2);
  CHECK(t.time == at(20));
  CHECK(t.since_step == 2);
  CHECK(t.run == kRun.key);
  CHECK(t.pack == "test");
  CHECK(t.hint == "try less");
  CHECK(t.id.size() == 16);
  REQUIRE(t.evidence.size() == 1);
  CHECK(t.evidence[0].original == "train/loss");
  CHECK(t.evidence[0].recent == std::vector<double>{4, 8.4567});
  CHECK(bench.apply(row(3, {{"loss", 9}})).empty());
  const auto resolved = bench.apply(row(4, {{"loss", 0.41}}));
  REQUIRE(Bench::brief(resolved) == Lines{"r: firing->resolved warning"});
  CHECK(resolved[0].id == t.id);
  CHECK(resolved[0].reason == "loss is 0.41");
  CHECK(resolved[0].since_step == 2);
  const auto again = bench.apply(row(5, {{"loss", 9}}));
  REQUIRE(again.size() == 1);
  CHECK(again[0].id != t.id);
}

TEST_CASE("NaN neither fires nor resolves a comparison", "[rules][lifecycle]") {
  Bench bench(one_rule("when: loss > 5"));
  bench.apply(row(1, {{"loss", 6}}));
  CHECK(bench.apply(row(2, {{"loss", kNan}})).empty());
  CHECK(bench.apply(row(3, {{"loss", 7}})).empty());
  CHECK(bench.apply(row(4, {{"loss", kNan}})).empty());
  CHECK(Bench::brief(bench.apply(row(5, {{"loss", 1}}))) == Lines{"r: firing->resolved warning"});
}

TEST_CASE("'for: 3 points' counts rows that carry the metric, NaN leaves the count, false starts it again",
          "[rules][lifecycle]") {
  Bench bench(one_rule("when: loss > 5\nfor: 3 points"));
  CHECK(Bench::brief(bench.apply(row(1, {{"loss", 6}}))) == Lines{"r: inactive->pending warning"});
  CHECK(bench.apply(row(2, {{"other", 6}})).empty());
  CHECK(bench.apply(row(3, {{"loss", 6}})).empty());
  CHECK(bench.apply(row(4, {{"loss", kNan}})).empty());
  const auto fired = bench.apply(row(5, {{"loss", 6}}));
  CHECK(Bench::brief(fired) == Lines{"r: pending->firing warning"});
  CHECK(fired[0].since_step == 1);
  CHECK(fired[0].step == 5);
  bench.apply(row(6, {{"loss", 1}}));
  CHECK(Bench::brief(bench.apply(row(7, {{"loss", 6}}))) == Lines{"r: inactive->pending warning"});
  CHECK(Bench::brief(bench.apply(row(8, {{"loss", 1}}))) == Lines{"r: pending->inactive warning"});
  bench.apply(row(9, {{"loss", 6}}));
  bench.apply(row(10, {{"loss", 6}}));
  CHECK_FALSE(bench.apply(row(11, {{"loss", 6}})).empty());
}

TEST_CASE("'for' in steps and in time; a late mark still says when it was", "[rules][lifecycle]") {
  Bench steps(one_rule("when: loss > 5\nfor: 200 steps"));
  steps.apply(row(100, {{"loss", 6}}));
  CHECK(steps.apply(row(299, {{"loss", 6}})).empty());
  CHECK(Bench::brief(steps.apply(row(300, {{"loss", 6}}))) == Lines{"r: pending->firing warning"});

  Bench time(one_rule("when: loss > 5\nfor: 10m"));
  time.apply(row(1, {{"loss", 6}}, 1000));
  CHECK(time.advance(1599).empty());
  const auto fired = time.advance(5000);
  REQUIRE(Bench::brief(fired) == Lines{"r: pending->firing warning"});
  CHECK(fired[0].time == at(1600));
  CHECK(time.advance(4000).empty());  // an older mark is ignored
}

TEST_CASE("'after' leaves the warm-up unjudged, in points, steps and time", "[rules][lifecycle]") {
  Bench points(one_rule("when: loss > 5\nafter: 3 points"));
  for (int i = 1; i <= 3; ++i) CHECK(points.apply(row(i, {{"loss", 9}, {"other", 1}})).empty());
  CHECK(points.apply(row(4, {{"other", 9}})).empty());
  CHECK(points.apply(row(5, {{"loss", 9}})).size() == 1);

  Bench steps(one_rule("when: loss > 5\nafter: 100 steps"));
  steps.apply(row(50, {{"loss", 9}}));
  CHECK(steps.apply(row(149, {{"loss", 9}})).empty());
  CHECK(steps.apply(row(150, {{"loss", 9}})).size() == 1);

  Bench time(one_rule("when: loss > 5\nafter: 10m"));
  time.apply(row(1, {{"loss", 9}}, 0));
  CHECK(time.apply(row(2, {{"loss", 9}}, 599)).empty());
  CHECK(time.advance(600).size() == 1);
}

TEST_CASE("'resolve' is a hysteresis", "[rules][lifecycle]") {
  Bench bench(one_rule("when: loss > 5\nresolve: loss < 3"));
  bench.apply(row(1, {{"loss", 6}}));
  CHECK(bench.apply(row(2, {{"loss", 4}})).empty());
  CHECK(bench.apply(row(3, {{"loss", 6}})).empty());
  const auto resolved = bench.apply(row(4, {{"loss", 2}}));
  CHECK(Bench::brief(resolved) == Lines{"r: firing->resolved warning"});
  CHECK(resolved[0].reason == "loss is 2");
}

TEST_CASE("levels are one alert that escalates and is not lowered before it resolves", "[rules][lifecycle]") {
  Bench bench(
      "rules:\n- rule: r\n  message: 'high {loss}'\n  levels:\n"
      "  - {severity: warning, when: loss > 2}\n"
      "  - {severity: critical, when: loss > 5, for: 2 points, message: 'very high {loss}'}\n");
  const auto warning = bench.apply(row(1, {{"loss", 6}}));
  CHECK(Bench::brief(warning) == Lines{"r: inactive->firing warning"});
  CHECK(warning[0].message == "high 6");
  const auto critical = bench.apply(row(2, {{"loss", 7}}));
  REQUIRE(Bench::brief(critical) == Lines{"r: firing->firing critical"});
  CHECK(critical[0].escalated_from == Severity::warning);
  CHECK(critical[0].message == "very high 7");
  CHECK(critical[0].threshold == 5.0);
  CHECK(critical[0].id == warning[0].id);
  CHECK(bench.apply(row(3, {{"loss", 3}})).empty());
  CHECK(Bench::brief(bench.apply(row(4, {{"loss", 1}}))) == Lines{"r: firing->resolved critical"});
}

TEST_CASE("parts of a message in brackets are left out when a value in them is not known",
          "[rules][lifecycle]") {
  const auto said = [](const std::string& message) {
    Bench bench(one_rule("when: loss > 5\nmessage: '" + message + "'"));
    const auto out = bench.apply(row(2, {{"loss", 6}}));
    return out.empty() ? std::string("nothing") : out[0].message;
  };
  CHECK(said("loss {loss}[ at {step}][, eval {eval_loss:.2f}][, limit {threshold}]") ==
        "loss 6 at 2, limit 5");
  CHECK(said("[eval {eval_loss} at {step}; ]loss {loss}") == "loss 6");
  CHECK(said("loss {loss}[, eval {max(eval_loss[3 points])} of {loss}].") == "loss 6.");
  // No frame is known of a console's error, say.
  Bench bench(one_rule("when: loss > 5\nmessage: 'died: {detail}[ ({where})]'"));
  Observation told = row(1, {});
  told.kind = ObservationKind::facts;
  told.attributes.emplace_back("detail", std::string("Killed"));
  told.attributes.emplace_back("where", std::string());
  bench.apply(told);
  const auto out = bench.apply(row(2, {{"loss", 6}}));
  REQUIRE(out.size() == 1);
  CHECK(out[0].message == "died: Killed");
  CHECK(said("[urgent] loss [{{a}}] {loss} ] [") == "[urgent] loss [{a}] 6 ] [");
  CHECK(said("loss [[{loss}]") == "loss [6");
}

TEST_CASE("value and threshold come from the comparison that decided", "[rules][lifecycle]") {
  Bench bench(one_rule("when: state == \"running\" and (loss > 100 or not grad <= 10)"));
  bench.apply(facts({{"state", text("running")}}, 1));
  const auto out = bench.apply(row(1, {{"loss", 3}, {"grad", 12}}));
  REQUIRE(out.size() == 1);
  CHECK(out[0].value == 12.0);
  CHECK(out[0].threshold == 10.0);
  CHECK(out[0].comparison == ">");
  CHECK(out[0].message == "grad is 12 (limit: > 10)");
}

TEST_CASE("a row is applied whole before any rule looks at it", "[rules][lifecycle]") {
  Bench bench(one_rule("when: a > 1 and b < 1"));
  bench.apply(row(1, {{"a", 0}, {"b", 0}}));
  CHECK(bench.apply(row(2, {{"a", 2}, {"b", 2}})).empty());
}

TEST_CASE("matchers take values, globs, lists and tags, and wait for attributes they do not know",
          "[rules][lifecycle]") {
  const std::string pack =
      one_rule("when: loss > 5\nmatch: {task: [sst2, mrpc], name: full_ft_*, tag: full_finetune}");
  Bench bench(pack);
  CHECK(bench.apply(row(1, {{"loss", 9}})).empty());
  CHECK(bench.apply(facts({{"task", text("sst2")}, {"name", text("full_ft_sst2")}}, 20)).empty());
  CHECK(bench.apply(facts({{"tag.full_finetune", true}}, 30)).size() == 1);
  const auto closed = bench.apply(facts({{"task", text("rte")}}, 40));
  REQUIRE(Bench::brief(closed) == Lines{"r: firing->closed warning"});
  CHECK(closed[0].reason == "the rule no longer applies");
}

TEST_CASE("a hostile glob takes no time", "[rules][lifecycle]") {
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
  CHECK(glob_match("full_ft_*_seed4?", "full_ft_sst2_seed42"));
  CHECK_FALSE(glob_match("full", "full_ft"));
}

TEST_CASE("when a run ends its alerts close, but those about its end fire and stay", "[rules][lifecycle]") {
  Bench bench(
      "rules:\n"
      "- {rule: loss, severity: warning, when: loss > 5}\n"
      "- {rule: slow, severity: warning, when: loss > 5, for: 1h}\n"
      "- {rule: silent, severity: warning, when: age(loss) > 10m}\n"
      "- {rule: failed, severity: critical, when: 'state in (\"failed\", \"crashed\")', message: 'run "
      "{state}'}\n"
      "- {rule: score, severity: critical, when: ended and final(accuracy) < 0.8}\n");
  bench.apply(row(1, {{"loss", 6}, {"accuracy", 0.5}}));
  const auto out = bench.apply(facts({{"state", text("failed")}, {"ended", true}}, 50));
  CHECK(Bench::brief(out) == Lines{"failed: inactive->firing critical", "score: inactive->firing critical",
                                   "loss: firing->closed warning", "slow: pending->inactive warning"});
  CHECK(out[2].reason == "the run ended (failed)");
  CHECK(bench.advance(100000).empty());  // an ended run is not silent
  CHECK(Bench::brief(bench.apply(row(2, {{"loss", 9}}, 45))) ==
        Lines{"loss: inactive->firing warning", "slow: inactive->pending warning"});
  const auto resumed = bench.apply(facts({{"state", text("running")}, {"ended", false}}, 200000));
  CHECK(Bench::brief(resumed) ==
        Lines{"failed: firing->resolved critical", "score: firing->resolved critical"});
  CHECK(resumed[0].reason == "state is running");
  CHECK(Bench::brief(bench.advance(200001)) ==
        Lines{"slow: pending->firing warning", "silent: inactive->firing warning"});
}

TEST_CASE("a repeated row is ignored, whoever repeats it and however often", "[rules][lifecycle]") {
  Bench bench(one_rule("when: count(loss) > 2"));
  Observation one = row(1, {{"loss", 1}});
  one.seq = 1;
  Observation two = row(2, {{"loss", 1}});
  two.seq = 2;
  for (int i = 0; i < 5; ++i) {
    bench.apply(one);
    bench.apply(two);
  }
  CHECK(bench.all.empty());
  two.source = "other";  // another source's cursor is its own
  CHECK(bench.apply(two).size() == 1);
}

TEST_CASE("a resumed run forgets the points that it overwrites", "[rules][lifecycle]") {
  Bench bench(one_rule("when: max(loss[10 points]) > 5\nmessage: '{loss} {prev(loss)} {attempt}'"));
  bench.apply(row(1, {{"loss", 1}}));
  bench.apply(row(2, {{"loss", 2}}));
  CHECK(bench.apply(row(3, {{"loss", 9}})).size() == 1);
  Observation back = row(3, {{"loss", 3}}, 100);
  back.attempt = 2;
  CHECK(Bench::brief(bench.apply(back)) == Lines{"r: firing->resolved warning"});
  Observation next = row(4, {{"loss", 8}}, 110);
  next.attempt = 2;
  const auto out = bench.apply(next);
  REQUIRE(out.size() == 1);
  CHECK(out[0].message == "8 3 2");
  CHECK(out[0].evidence[0].recent == std::vector<double>{1, 2, 3, 8});
}

TEST_CASE("sources are judged by the wall clock, runs are not", "[rules][lifecycle]") {
  Bench bench(
      "rules:\n"
      "- {rule: down, on: source, severity: warning, when: not reachable, for: 2m, message: '{error}'}\n"
      "- {rule: old, severity: warning, when: age() > 1s}\n");
  const Subject source{SubjectKind::source, "wandb:ent/proj"};
  bench.apply(row(1, {{"loss", 1}}, 0));
  CHECK(Bench::brief(bench.apply(facts({{"reachable", false}, {"error", text("timed out")}}, 10, source))) ==
        Lines{"down: inactive->pending warning"});
  CHECK(bench.tick(129).empty());
  const auto fired = bench.tick(131);
  REQUIRE(Bench::brief(fired) == Lines{"down: pending->firing warning"});
  CHECK(fired[0].message == "timed out");
  CHECK(fired[0].time == at(130));
  CHECK(Bench::brief(bench.apply(facts({{"reachable", true}}, 140, source))) ==
        Lines{"down: firing->resolved warning"});
}

TEST_CASE("what is gone closes its alerts and is forgotten", "[rules][lifecycle]") {
  Bench bench(
      "rules:\n- {rule: bad, on: checkpoint, severity: critical, when: 'verdict == \"truncated\"', resolve: "
      "'verdict == \"ok\"'}\n");
  const Subject file{SubjectKind::checkpoint, "/r/checkpoint-100/model.safetensors"};
  CHECK(bench.apply(facts({{"verdict", text("truncated")}}, 1, file)).size() == 1);
  CHECK(bench.apply(facts({{"verdict", text("in_progress")}}, 2, file)).empty());
  std::vector<Transition> out;
  bench.engine.forget(file, at(3), "the file is gone", out);
  REQUIRE(Bench::brief(out) == Lines{"bad: firing->closed critical"});
  CHECK(out[0].reason == "the file is gone");
  const auto kept = bench.engine.take_changed_instances();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].state == AlertState::inactive);
  bench.engine.forget(file, at(4), "again", out);
  CHECK(out.size() == 1);
}

TEST_CASE("text from outside is shown as it is, but not without end", "[rules][lifecycle]") {
  Bench bench(one_rule("when: loss > 5\nmessage: '{detail}'"));
  bench.apply(facts({{"detail", std::string(10000, 'x') + "{loss}"}}, 1));
  const auto out = bench.apply(row(1, {{"loss", 9}}));
  REQUIRE(out.size() == 1);
  CHECK(out[0].message == std::string(200, 'x') + "…");
}
