// Silences, inhibitions, flapping, reminders, escalation by age and acknowledgements, as a person lives with
// them.
#include "alerts/lifecycle.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

Transition alert_of(const std::string& rule, const std::string& id, AlertState to, double seconds,
                    Severity severity = Severity::critical) {
  Transition t = loss_high(to, seconds, severity);
  t.rule = rule;
  t.id = id;
  t.time = at(seconds);
  return t;
}

/// A lifecycle with a clock, and what it said.
struct Desk {
  explicit Desk(LifecycleOptions options = {})
      : lifecycle([&] {
          options.context_of = [this](const std::string&) {
            RunContext run = failed_run();
            run.ended = ended;
            return run;
          };
          return std::move(options);
        }()) {}

  void feed(const Transition& t, double now) {
    LifecycleOutput out;
    lifecycle.apply(t, failed_run(), at(now), out);
    take(out);
  }
  void review(double now) {
    LifecycleOutput out;
    lifecycle.review(at(now), out);
    take(out);
  }
  void take(const LifecycleOutput& out) {
    for (const Notification& n : out.notifications) {
      said.push_back(std::string(to_string(n.kind)) + ' ' + n.transitions.at(0).rule);
      last = n;
    }
    for (const Alert& alert : out.alerts) kept[alert.last.id] = alert;
  }
  std::vector<std::string> heard() { return std::exchange(said, {}); }
  void silence(const std::string& matcher, double from, double to) {
    lifecycle.put_silence(
        {"5117e4ce", {*parse_matcher(matcher)}, at(from), at(to), "new data", "me", at(from)});
  }

  bool ended = false;  // the run
  Lifecycle lifecycle;
  std::vector<std::string> said;
  Notification last;
  std::map<std::string, Alert> kept;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "a silenced alert is recorded and told to nobody; when the silence ends and it still fires, it is told",
    "[lifecycle][silence]") {
  Desk desk;
  desk.silence("rule=loss-*", 0, 3600);
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 10), 10);
  CHECK(desk.heard() == Words{});
  CHECK(desk.kept["a1"].quiet);
  CHECK_THAT(desk.kept["a1"].muted_by, ContainsSubstring("silence 5117e4ce (new data)"));
  desk.review(3599);
  CHECK(desk.heard() == Words{});
  desk.review(3605);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
  CHECK_THAT(desk.last.remark, ContainsSubstring("silence 5117e4ce"));
  CHECK(desk.kept["a1"].muted_by.empty());
  desk.feed(alert_of("loss-too-high", "a1", AlertState::resolved, 3700), 3700);
  CHECK(desk.heard() == Words{"resolved loss-too-high"});
}

TEST_CASE("what begins and ends under a silence is never told", "[lifecycle][silence]") {
  Desk desk;
  desk.silence("run=full_ft_*", 0, 3600);
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 10), 10);
  desk.feed(alert_of("loss-too-high", "a1", AlertState::resolved, 20), 20);
  desk.review(4000);
  CHECK(desk.heard() == Words{});
  CHECK(desk.kept["a1"].ended_at == at(20));
}

TEST_CASE("a silence that ends early, and one for other alerts, mute nothing", "[lifecycle][silence]") {
  Desk desk;
  desk.silence("rule=gradient-*", 0, 3600);
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 10), 10);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
  desk.feed(alert_of("gradient-explosion", "a2", AlertState::firing, 10), 10);
  CHECK(desk.heard() == Words{});
  desk.silence("rule=gradient-*", 0, 20);
  desk.review(21);
  CHECK(desk.heard() == Words{"fired gradient-explosion"});
}

TEST_CASE("an escalation under a silence is told when the silence ends", "[lifecycle][silence]") {
  Desk desk;
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 0, Severity::warning), 0);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
  desk.silence("severity>=critical", 5, 100);
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 10), 10);
  CHECK(desk.heard() == Words{});
  desk.review(200);
  CHECK(desk.heard() == Words{"escalated loss-too-high"});
  CHECK(desk.last.severity == Severity::critical);
  CHECK(desk.last.transitions[0].escalated_from == Severity::warning);
}

TEST_CASE("a failed run mutes its silence and its missing metrics; when it is gone they speak for themselves",
          "[lifecycle][inhibition]") {
  Desk desk;
  desk.feed(alert_of("run-failed", "f0", AlertState::firing, 0), 0);
  desk.feed(alert_of("run-silent", "s1", AlertState::firing, 5), 5);
  desk.feed(alert_of("metric-missing-rss", "m1", AlertState::firing, 5), 5);
  desk.feed(alert_of("loss-too-high", "l1", AlertState::firing, 5), 5);
  CHECK(desk.heard() == Words{"fired run-failed", "fired loss-too-high"});
  CHECK_THAT(desk.kept["s1"].muted_by, ContainsSubstring("inhibited by run-failed f0"));
  desk.feed(alert_of("run-failed", "f0", AlertState::resolved, 60), 60);
  desk.review(60);
  // The silence in turn speaks for the metric.
  CHECK(desk.heard() == Words{"resolved run-failed", "fired run-silent"});
  CHECK_THAT(desk.kept["m1"].muted_by, ContainsSubstring("inhibited by run-silent s1"));
}

TEST_CASE("an alert of another run is not muted by a failed one", "[lifecycle][inhibition]") {
  Desk desk;
  desk.feed(alert_of("run-failed", "f0", AlertState::firing, 0), 0);
  Transition other = alert_of("run-silent", "s1", AlertState::firing, 5);
  other.run = "api.wandb.ai/ent/proj/other";
  other.subject.key = other.run;
  LifecycleOutput out;
  RunContext run = failed_run();
  run.name = "another";
  run.key = other.run;
  desk.lifecycle.apply(other, run, at(5), out);
  CHECK(out.notifications.size() == 1);
}

TEST_CASE("an alert that comes and goes is told four times, then once more when it is steady",
          "[lifecycle][flapping]") {
  Desk desk;
  double now = 0;
  for (int i = 0; i < 20; ++i, now += 60) {
    desk.feed(alert_of("loss-too-high", "a" + std::to_string(i), AlertState::firing, now), now);
    desk.feed(alert_of("loss-too-high", "a" + std::to_string(i), AlertState::resolved, now + 30), now + 30);
    desk.review(now + 30);
  }
  const Words heard = desk.heard();
  CHECK(heard == Words{"fired loss-too-high", "resolved loss-too-high", "fired loss-too-high",
                       "resolved loss-too-high", "fired loss-too-high", "resolved loss-too-high",
                       "fired loss-too-high"});
  CHECK_THAT(desk.last.remark, ContainsSubstring("4 times in 3 min"));
  CHECK(desk.kept["a19"].muted_by == "flapping");
  desk.review(now + 14 * 60);
  CHECK(desk.heard() == Words{});
  desk.review(now + 16 * 60);
  CHECK(desk.heard() == Words{"resolved loss-too-high"});
  CHECK(desk.last.transitions[0].id == "a19");
  desk.feed(alert_of("loss-too-high", "b1", AlertState::firing, now + 7200), now + 7200);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
}

TEST_CASE("one that flapped and then goes on firing is told when it is steady", "[lifecycle][flapping]") {
  Desk desk;
  double now = 0;
  for (int i = 0; i < 6; ++i, now += 60) {
    if (i > 0)
      desk.feed(alert_of("loss-too-high", "a" + std::to_string(i - 1), AlertState::resolved, now - 5),
                now - 5);
    desk.feed(alert_of("loss-too-high", "a" + std::to_string(i), AlertState::firing, now), now);
  }
  desk.heard();
  CHECK(desk.kept["a5"].muted_by == "flapping");
  desk.review(now + 16 * 60);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
  CHECK_THAT(desk.last.remark, ContainsSubstring("flapping"));
}

TEST_CASE("flapping is known again after a restart, and so is what is owed",
          "[lifecycle][flapping][restart]") {
  Desk before;
  double now = 0;
  for (int i = 0; i < 6; ++i, now += 60) {
    before.feed(alert_of("loss-too-high", "a" + std::to_string(i), AlertState::firing, now), now);
    before.feed(alert_of("loss-too-high", "a" + std::to_string(i), AlertState::resolved, now + 30), now + 30);
  }
  Desk after;
  std::vector<Alert> kept;
  for (const auto& [id, alert] : before.kept) kept.push_back(alert);
  after.lifecycle.restore(std::move(kept));
  after.feed(alert_of("loss-too-high", "b1", AlertState::firing, now), now);
  after.feed(alert_of("loss-too-high", "b1", AlertState::resolved, now + 10), now + 10);
  CHECK(after.heard() == Words{});
  after.review(now + 20 * 60);
  CHECK(after.heard() == Words{"resolved loss-too-high"});
}

TEST_CASE("what goes on firing is said again once a day, until somebody has acknowledged it",
          "[lifecycle][reminder]") {
  Desk desk;
  desk.feed(alert_of("disk-filling", "d1", AlertState::firing, 0), 0);
  desk.heard();
  for (double hour = 1; hour < 24; ++hour) desk.review(hour * 3600);
  CHECK(desk.heard() == Words{});
  desk.review(24 * 3600 + 1);
  CHECK(desk.heard() == Words{"repeated disk-filling"});
  CHECK_THAT(desk.last.remark, ContainsSubstring("Firing for"));
  REQUIRE(desk.lifecycle.acknowledge("d", {at(25 * 3600), "ann", "on it", {}}));
  for (double hour = 26; hour < 100; ++hour) desk.review(hour * 3600);
  CHECK(desk.heard() == Words{});
  REQUIRE(desk.lifecycle.unacknowledge("d1"));
  desk.review(100 * 3600);
  CHECK(desk.heard() == Words{"repeated disk-filling"});
}

TEST_CASE("of a run that has ended nothing is said again day after day", "[lifecycle][reminder]") {
  Desk desk;
  desk.ended = true;
  desk.feed(alert_of("run-failed", "f1", AlertState::firing, 0), 0);
  CHECK(desk.heard() == Words{"fired run-failed"});
  for (double hour = 1; hour < 100; ++hour) desk.review(hour * 3600);
  CHECK(desk.heard() == Words{});
  desk.ended = false;  // it goes on, and so does what is wrong with it
  desk.review(100 * 3600);
  CHECK(desk.heard() == Words{"repeated run-failed"});
}

TEST_CASE("an acknowledged warning that turns critical is told", "[lifecycle][ack]") {
  Desk desk;
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 0, Severity::warning), 0);
  REQUIRE(desk.lifecycle.acknowledge("a1", {at(1), "ann", "", {}}));
  desk.heard();
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 10), 10);
  CHECK(desk.heard() == Words{"escalated loss-too-high"});
  desk.review(30 * 3600);  // the acknowledgement was of a warning
  CHECK(desk.heard() == Words{"repeated loss-too-high"});
}

TEST_CASE("who may be acknowledged: what fires, by a beginning of its id that only it has",
          "[lifecycle][ack]") {
  Desk desk;
  desk.feed(alert_of("loss-too-high", "abc1", AlertState::firing, 0), 0);
  desk.feed(alert_of("gradient-explosion", "abc2", AlertState::firing, 0), 0);
  CHECK(desk.lifecycle.acknowledge("abc", {at(1), "ann", "", {}}).error().code == ErrorCode::invalid_input);
  CHECK(desk.lifecycle.acknowledge("x", {at(1), "ann", "", {}}).error().code == ErrorCode::not_found);
  CHECK(desk.lifecycle.acknowledge("", {at(1), "ann", "", {}}).error().code == ErrorCode::not_found);
  CHECK(desk.lifecycle.acknowledge("abc1", {at(1), "ann", "", {}})->acknowledged.by == "ann");
  desk.feed(alert_of("gradient-explosion", "abc2", AlertState::resolved, 5), 5);
  CHECK(desk.lifecycle.acknowledge("abc2", {at(6), "ann", "", {}}).error().code == ErrorCode::conflict);
  CHECK(desk.lifecycle.unacknowledge("abc2").error().code == ErrorCode::conflict);
}

TEST_CASE("a route with an age tells its receivers of what nobody has acknowledged by then",
          "[lifecycle][route]") {
  const Router router(
      {{"slack"}, {"oncall"}},
      {{{*parse_matcher("severity=critical")}, {"oncall"}, 30min, false}, {{}, {"slack"}, {}, false}});
  Desk desk({.router = &router});
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 0), 0);
  CHECK(desk.heard() == Words{"fired loss-too-high"});
  CHECK(router.receivers_of(desk.last) == std::vector<std::string>{"slack"});
  desk.review(29 * 60);
  CHECK(desk.heard() == Words{});
  desk.review(31 * 60);
  CHECK(desk.heard() == Words{"repeated loss-too-high"});
  CHECK(router.receivers_of(desk.last) == std::vector<std::string>{"oncall"});
  desk.review(40 * 60);
  CHECK(desk.heard() == Words{});
  // Both hear of the end.
  desk.feed(alert_of("loss-too-high", "a1", AlertState::resolved, 3000), 3000);
  CHECK(router.receivers_of(desk.last) == std::vector<std::string>{"slack", "oncall"});
}

TEST_CASE("a clock that jumps forwards or back neither floods nor silences", "[lifecycle][clock]") {
  Desk desk;
  desk.feed(alert_of("loss-too-high", "a1", AlertState::firing, 0), 0);
  desk.heard();
  desk.review(400 * 86400.0);  // a year ahead
  CHECK(desk.heard() == Words{"repeated loss-too-high"});
  desk.review(60);  // and back
  desk.review(120);
  CHECK(desk.heard() == Words{});
  desk.review(60 + 24 * 3600);
  CHECK(desk.heard() == Words{"repeated loss-too-high"});
}
