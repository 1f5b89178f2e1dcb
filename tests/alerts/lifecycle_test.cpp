#include "alerts/lifecycle.h"

#include <map>
#include <random>
#include <set>

#include "alerts/message_id.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

namespace {

LifecycleOutput feed(Lifecycle& lifecycle, const Transition& transition,
                     const RunContext& run = failed_run()) {
  LifecycleOutput out;
  lifecycle.apply(transition, run, transition.time, out);
  return out;
}

RunContext historic_run(const std::string& key, const std::string& name) {
  RunContext run;
  run.key = key;
  run.name = name;
  run.historic = true;
  return run;
}

Transition of_run(Transition t, const std::string& id, const std::string& run,
                  const std::string& rule = "loss-too-high") {
  t.id = id;
  t.rule = rule;
  t.run = run;
  t.subject.key = run;
  return t;
}

}  // namespace

TEST_CASE("pending is recorded and tells nobody, firing tells once", "[lifecycle]") {
  Lifecycle lifecycle;
  const auto pending = feed(lifecycle, loss_high(AlertState::pending));
  REQUIRE(pending.alerts.size() == 1);
  CHECK(pending.alerts[0].fired_at == Time{});
  CHECK(pending.notifications.empty());
  CHECK(lifecycle.pending().size() == 1);
  CHECK(lifecycle.active().empty());

  const auto firing = feed(lifecycle, loss_high(AlertState::firing, 5));
  REQUIRE(firing.notifications.size() == 1);
  CHECK(firing.notifications[0].kind == NotificationKind::fired);
  CHECK(firing.notifications[0].severity == Severity::critical);
  CHECK(firing.notifications[0].run.name == "full_ft_sst2_seed999_failed");
  CHECK(firing.alerts[0].fired_at == at(5));
  CHECK(lifecycle.active().size() == 1);
  CHECK(feed(lifecycle, loss_high(AlertState::firing, 6)).notifications.empty());
}

TEST_CASE("an alert about rows that have no time fired when they were judged, not in 1970", "[lifecycle]") {
  Lifecycle lifecycle;
  Transition firing = loss_high(AlertState::firing);
  firing.time = firing.since = Time{};
  LifecycleOutput out;
  lifecycle.apply(firing, failed_run(), at(30), out);
  REQUIRE(out.alerts.size() == 1);
  CHECK(out.alerts[0].fired_at == at(30));
  firing.from = AlertState::firing;
  firing.to = AlertState::resolved;
  lifecycle.apply(firing, failed_run(), at(90), out);
  CHECK(out.alerts.back().ended_at == at(90));
}

TEST_CASE("a resolved alert is told only if its firing was", "[lifecycle]") {
  Lifecycle lifecycle;
  feed(lifecycle, loss_high(AlertState::firing));
  const auto out = feed(lifecycle, loss_high(AlertState::resolved, 60));
  REQUIRE(out.notifications.size() == 1);
  CHECK(out.notifications[0].kind == NotificationKind::resolved);
  CHECK(out.alerts[0].ended_at == at(60));
  CHECK(lifecycle.active().empty());
  REQUIRE(lifecycle.recent().size() == 1);

  Lifecycle other;
  feed(other, loss_high(AlertState::pending));
  CHECK(feed(other, loss_high(AlertState::resolved)).notifications.empty());
  CHECK(other.recent().empty());
}

TEST_CASE("an alert that closes because its run ended sends no message of its own", "[lifecycle]") {
  Lifecycle lifecycle;
  feed(lifecycle, loss_high(AlertState::firing));
  const auto out = feed(lifecycle, loss_high(AlertState::closed, 60));
  CHECK(out.notifications.empty());
  REQUIRE(out.alerts.size() == 1);
  CHECK(out.alerts[0].last.to == AlertState::closed);
  CHECK(lifecycle.active().empty());
}

TEST_CASE("a warning that becomes critical is told, the way down and up again is not", "[lifecycle]") {
  Lifecycle lifecycle;
  CHECK(feed(lifecycle, loss_high(AlertState::firing, 0, Severity::warning)).notifications[0].severity ==
        Severity::warning);
  Transition up = loss_high(AlertState::firing, 10, Severity::critical);
  up.from = AlertState::firing;
  up.escalated_from = Severity::warning;
  const auto told = feed(lifecycle, up);
  REQUIRE(told.notifications.size() == 1);
  CHECK(told.notifications[0].kind == NotificationKind::escalated);
  CHECK(told.notifications[0].transitions[0].escalated_from == Severity::warning);

  Transition down = loss_high(AlertState::firing, 20, Severity::warning);
  down.escalated_from = Severity::critical;
  const auto silent = feed(lifecycle, down);
  CHECK(silent.notifications.empty());
  CHECK(silent.alerts[0].last.severity == Severity::warning);
  CHECK(silent.alerts[0].worst == Severity::critical);
  up.time = at(30);
  CHECK(feed(lifecycle, up).notifications.empty());

  // People were told "critical": so was what is over now.
  CHECK(feed(lifecycle, loss_high(AlertState::resolved, 40, Severity::warning)).notifications[0].severity ==
        Severity::critical);
}

TEST_CASE("the same rule about the same run under a new id goes on instead of firing twice", "[lifecycle]") {
  Lifecycle lifecycle;
  feed(lifecycle, loss_high(AlertState::firing, 0, Severity::warning));
  Transition again = loss_high(AlertState::firing, 50, Severity::warning);
  again.id = "00000000000000aa";
  const auto out = feed(lifecycle, again);
  CHECK(out.notifications.empty());
  REQUIRE(out.alerts.size() == 2);
  CHECK(out.alerts[0].last.to == AlertState::closed);
  CHECK(lifecycle.active().size() == 1);
  again.severity = Severity::critical;
  CHECK(feed(lifecycle, again).notifications.at(0).kind == NotificationKind::escalated);
  again.to = AlertState::resolved;
  CHECK(feed(lifecycle, again).notifications.at(0).kind == NotificationKind::resolved);
}

TEST_CASE("after a restart the same transitions announce nothing twice", "[lifecycle][restart]") {
  Transition escalation = loss_high(AlertState::firing, 10);
  escalation.escalated_from = Severity::warning;
  const std::vector<Transition> history{loss_high(AlertState::pending, 0, Severity::warning),
                                        loss_high(AlertState::firing, 5, Severity::warning), escalation,
                                        loss_high(AlertState::resolved, 60)};
  for (std::size_t crash_after = 0; crash_after <= history.size(); ++crash_after) {
    std::map<std::string, Alert> store;
    std::multiset<std::string> messages;
    const auto keep = [&](const LifecycleOutput& out) {
      for (const Alert& alert : out.alerts) store[alert.last.id] = alert;
      for (const Notification& n : out.notifications) messages.insert(message_id(n, "slack"));
    };
    Lifecycle before;
    for (std::size_t i = 0; i < crash_after; ++i) keep(feed(before, history[i]));
    Lifecycle after;
    std::vector<Alert> kept;
    for (const auto& [id, alert] : store) kept.push_back(alert);
    after.restore(kept);
    for (const Transition& t : history) keep(feed(after, t));
    INFO("crash after " << crash_after);
    CHECK(messages == std::multiset<std::string>{"9f3c0a4be2d17788-escalated-critical@slack",
                                                 "9f3c0a4be2d17788-fired-warning@slack",
                                                 "9f3c0a4be2d17788-resolved-critical@slack"});
    CHECK(store.at("9f3c0a4be2d17788").last.to == AlertState::resolved);
  }
}

TEST_CASE("three hundred ended runs make one digest and no flood", "[lifecycle][digest]") {
  Lifecycle lifecycle;
  std::size_t told = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "api.wandb.ai/ent/proj/r" + std::to_string(i);
    const RunContext run = historic_run(key, "full_ft_sst2_seed" + std::to_string(i));
    if (i % 25 != 0) continue;
    const Severity severity = i % 50 == 0 ? Severity::critical : Severity::warning;
    told +=
        feed(lifecycle, of_run(loss_high(AlertState::firing, i, severity), "a" + std::to_string(i), key), run)
            .notifications.size();
    told += feed(lifecycle,
                 of_run(loss_high(AlertState::firing, i), "b" + std::to_string(i), key, "run-failed"), run)
                .notifications.size();
    told += feed(lifecycle,
                 of_run(loss_high(AlertState::closed, i + 1, severity), "a" + std::to_string(i), key), run)
                .notifications.size();
    told +=
        feed(lifecycle,
             of_run(loss_high(AlertState::resolved, i + 1), "b" + std::to_string(i), key, "run-failed"), run)
            .notifications.size();
  }
  // A run of another project whose name begins the same way.
  feed(lifecycle, of_run(loss_high(AlertState::firing), "other", "api.wandb.ai/ent/proj2/x"),
       historic_run("api.wandb.ai/ent/proj2/x", "x"));
  CHECK(told == 0);
  const Notification digest = lifecycle.digest("ent/proj", "api.wandb.ai/ent/proj", 300, at(1000));
  CHECK(digest.kind == NotificationKind::digest);
  CHECK(digest.severity == Severity::info);
  CHECK(digest.title == "redflag has read ent/proj: 300 ended runs; 12 would have alerted");
  CHECK_THAT(digest.text, ContainsSubstring("Alerts: 18 critical, 6 warning"));
  CHECK_THAT(digest.text,
             ContainsSubstring("CRITICAL full_ft_sst2_seed275: train loss 8.45 > 5 at step 700"));
  CHECK_THAT(digest.text, ContainsSubstring("… and 12 more"));
  CHECK_THAT(digest.text, ContainsSubstring("By rule: loss-too-high 12, run-failed 12"));
  CHECK(digest.text.find("WARNING") == std::string::npos);
  CHECK(message_id(digest, "slack") ==
        message_id(lifecycle.digest("ent/proj", "api.wandb.ai/ent/proj", 301, at(2)), "slack"));
  CHECK(lifecycle.digest("ent/proj2", "api.wandb.ai/ent/proj2", 1, at(0)).title ==
        "redflag has read ent/proj2: 1 ended run; 1 would have alerted");
}

TEST_CASE("a project without trouble gets a digest that says so", "[lifecycle][digest]") {
  Lifecycle lifecycle;
  const Notification digest = lifecycle.digest("ent/proj", "api.wandb.ai/ent/proj", 3, at(0));
  CHECK_THAT(digest.title, ContainsSubstring("0 would have alerted"));
  CHECK_THAT(digest.text, ContainsSubstring("Nothing to look at"));
}

TEST_CASE("a historic run's alert pages nobody, also after a restart, until the run goes on",
          "[lifecycle][digest]") {
  Lifecycle first;
  RunContext run = failed_run();
  run.historic = true;
  const auto out = feed(first, loss_high(AlertState::firing), run);
  CHECK(out.notifications.empty());
  CHECK(out.alerts.at(0).quiet);
  Lifecycle restarted;
  restarted.restore(out.alerts);
  CHECK(restarted.digest("ent/proj", "api.wandb.ai/ent/proj", 1, at(9)).transitions.size() == 1);
  Lifecycle resolves;
  resolves.restore(out.alerts);
  CHECK(feed(resolves, loss_high(AlertState::resolved, 5), run).notifications.empty());
  run.historic = false;
  CHECK(feed(restarted, loss_high(AlertState::firing, 7), run).notifications.at(0).kind ==
        NotificationKind::fired);
  CHECK(feed(restarted, loss_high(AlertState::resolved, 9), run).notifications.at(0).kind ==
        NotificationKind::resolved);
}

TEST_CASE("active alerts are listed by severity, then by how long they have fired", "[lifecycle]") {
  Lifecycle lifecycle;
  feed(lifecycle, of_run(loss_high(AlertState::firing, 1, Severity::warning), "w1", "p/r1"));
  feed(lifecycle, of_run(loss_high(AlertState::firing, 3), "c3", "p/r2"));
  feed(lifecycle, of_run(loss_high(AlertState::firing, 2), "c2", "p/r3"));
  const auto active = lifecycle.active();
  REQUIRE(active.size() == 3);
  CHECK(active[0]->last.id == "c2");
  CHECK(active[1]->last.id == "c3");
  CHECK(active[2]->last.id == "w1");
  feed(lifecycle, of_run(loss_high(AlertState::resolved, 8), "c2", "p/r3"));
  feed(lifecycle, of_run(loss_high(AlertState::resolved, 9), "c3", "p/r2"));
  const auto recent = lifecycle.recent();
  REQUIRE(recent.size() == 2);
  CHECK(recent[0]->last.id == "c3");
  CHECK(lifecycle.find("w1") != nullptr);
  CHECK(lifecycle.find("nobody") == nullptr);
}

TEST_CASE("only so many ended alerts are remembered", "[lifecycle]") {
  Lifecycle lifecycle({.keep_ended = 10});
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    feed(lifecycle, of_run(loss_high(AlertState::firing, i), id, "p/r"));
    feed(lifecycle, of_run(loss_high(AlertState::resolved, i + 0.5), id, "p/r"));
  }
  CHECK(lifecycle.recent().size() == 10);
  CHECK(lifecycle.find("id99") != nullptr);
  CHECK(lifecycle.find("id0") == nullptr);
}

// Random episodes of a few rules and runs, as an engine makes them, with repeats, crashes and replays
// sprinkled in.
TEST_CASE("random histories announce every firing episode exactly once", "[lifecycle][property]") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Lifecycle lifecycle({.flapping = {.count = 0}});
    std::map<std::string, Alert> store;
    std::map<std::string, int> fired, resolved;
    std::map<std::string, std::map<Severity, int>> escalated;
    std::set<std::string> should_fire, should_resolve;
    std::map<std::string, Transition> open;  // by rule and run
    std::vector<Transition> history;
    int episode = 0;
    const auto apply = [&](const Transition& t) {
      const auto out = feed(lifecycle, t);
      for (const Alert& alert : out.alerts) store[alert.last.id] = alert;
      for (const Notification& n : out.notifications) {
        const std::string& id = n.transitions.at(0).id;
        if (n.kind == NotificationKind::fired) ++fired[id];
        if (n.kind == NotificationKind::resolved) ++resolved[id];
        if (n.kind == NotificationKind::escalated) ++escalated[id][n.severity];
      }
    };
    for (int clock = 1; clock <= 400; ++clock) {
      const std::string run = "p/r" + std::to_string(random() % 3);
      const std::string rule = "rule-" + std::to_string(random() % 3);
      auto& slot = open[run + rule];
      Transition t = slot;
      t.time = at(clock);
      t.from = slot.to;
      t.escalated_from.reset();
      switch (slot.to) {
        case AlertState::inactive:
        case AlertState::resolved:
        case AlertState::closed:
          t = of_run(loss_high(random() % 2 == 0 ? AlertState::pending : AlertState::firing, clock,
                               static_cast<Severity>(random() % 3)),
                     "e" + std::to_string(++episode), run, rule);
          t.since = at(clock);
          break;
        case AlertState::pending:
          t.to = random() % 2 == 0 ? AlertState::firing : AlertState::inactive;
          break;
        case AlertState::firing:
          if (random() % 3 == 0) {
            const auto severity = static_cast<Severity>(random() % 3);
            if (severity != t.severity) t.escalated_from = t.severity;
            t.severity = severity;
          } else {
            t.to = random() % 2 == 0 ? AlertState::resolved : AlertState::closed;
          }
          break;
      }
      if (t.to == AlertState::firing) should_fire.insert(t.id);
      if (t.to == AlertState::resolved) should_resolve.insert(t.id);
      slot = t;
      history.push_back(t);
      apply(t);
      if (random() % 5 == 0) apply(t);  // processed again
      if (random() % 40 == 0) {         // killed: back from the store, the last few once more
        lifecycle = Lifecycle({.flapping = {.count = 0}});
        std::vector<Alert> kept;
        for (const auto& [id, alert] : store) kept.push_back(alert);
        lifecycle.restore(std::move(kept));
        const std::size_t back = random() % 6;
        for (std::size_t i = history.size() - std::min(back, history.size()); i < history.size(); ++i)
          apply(history[i]);
      }
    }
    INFO("seed " << seed);
    std::set<std::string> was_fired, was_resolved;
    for (const auto& [id, times] : fired) {
      REQUIRE(times == 1);
      was_fired.insert(id);
    }
    for (const auto& [id, times] : resolved) {
      REQUIRE(times == 1);
      was_resolved.insert(id);
    }
    for (const auto& [id, severities] : escalated) {
      for (const auto& [severity, times] : severities) REQUIRE(times == 1);
    }
    REQUIRE(was_fired == should_fire);
    REQUIRE(was_resolved == should_resolve);
    std::set<std::string> still;
    for (const auto& [key, t] : open) {
      if (t.to == AlertState::firing) still.insert(t.id);
    }
    REQUIRE(lifecycle.active().size() == still.size());
    for (const Alert* alert : lifecycle.active()) REQUIRE(still.contains(alert->last.id));
  }
}
