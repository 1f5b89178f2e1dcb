#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/slack/slack_message.h"
#include "builders.h"
#include "slack_limits.h"
#include "tests/alerts/slack_reading.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

namespace {

Notification part(const std::string& id, const std::string& rule, Severity severity,
                  NotificationKind kind = NotificationKind::fired) {
  Notification n = fired();
  n.kind = kind;
  n.severity = severity;
  n.transitions = {loss_high(kind == NotificationKind::resolved ? AlertState::resolved : AlertState::firing,
                             60, severity)};
  n.transitions[0].id = id;
  n.transitions[0].rule = rule;
  return n;
}

NotificationGroup burst() {
  NotificationGroup group;
  group.key = failed_run().key;
  group.parts = {part("1111111111111111", "step-time-up", Severity::warning),
                 part("2222222222222222", "loss-too-high", Severity::critical),
                 part("3333333333333333", "gradient-explosion", Severity::critical)};
  group.parts[0].transitions[0].message = "steps take 2.1x as long";
  return group;
}

}  // namespace

TEST_CASE("one run's burst is one message: how many, whose, the worst first, each with its id",
          "[slack][group]") {
  const std::string payload = slack_payload(burst());
  CHECK(joined(slack_complaints(payload)).empty());
  const std::string text = visible(payload);
  CHECK(text.starts_with("🚨 3 alerts: full_ft_sst2_seed999_failed\n"));
  CHECK_THAT(text, ContainsSubstring("<https://wandb.ai/ent/proj/runs/abc123|full_ft_sst2_seed999_failed>"));
  const std::size_t loss = text.find(
      "🚨 CRITICAL: loss too high\ntrain loss 8.45 &gt; 5 at step 700\n"
      "since 02:56:39 UTC (step 660) · alert 2222222222222222");
  const std::size_t steps = text.find("⚠️ WARNING: step time up\nsteps take 2.1x");
  REQUIRE(loss != std::string::npos);
  REQUIRE(steps != std::string::npos);
  CHECK(loss < steps);
  CHECK_THAT(text, ContainsSubstring("What to try: lower the learning rate"));
  CHECK_THAT(text, ContainsSubstring("2 critical, 1 warning"));
  CHECK_THAT(text, ContainsSubstring("train_loss ▁▁▃▄▆█ 8.45"));
  CHECK(
      slack_summary(burst()).starts_with("CRITICAL full_ft_sst2_seed999_failed: 3 alerts: train loss 8.45"));
}

TEST_CASE("of one alert only the newest part counts, and one alert alone has the long form",
          "[slack][group]") {
  NotificationGroup group;
  group.parts = {part("1111111111111111", "loss-too-high", Severity::warning),
                 part("1111111111111111", "loss-too-high", Severity::critical, NotificationKind::escalated)};
  group.parts[1].transitions[0].escalated_from = Severity::warning;
  CHECK(slack_payload(group) == slack_payload(group.parts[1]));
  CHECK(slack_fallback(group) == slack_fallback(group.parts[1]));
  CHECK(present_parts(group).size() == 1);
  CHECK(alert_ids_of(group).size() == 1);
  CHECK(slack_payload(NotificationGroup{}).empty());
}

TEST_CASE("what fired, escalated, goes on and ended is told apart in one message", "[slack][group]") {
  NotificationGroup group = burst();
  group.parts[0].kind = NotificationKind::repeated;
  group.parts[0].remark = "firing for 12 h";
  group.parts[1].kind = NotificationKind::escalated;
  group.parts[1].transitions[0].escalated_from = Severity::warning;
  group.parts[2] =
      part("3333333333333333", "gradient-explosion", Severity::critical, NotificationKind::resolved);
  const std::string payload = slack_payload(group);
  CHECK(joined(slack_complaints(payload)).empty());
  const std::string text = visible(payload);
  CHECK(text.starts_with("🚨 2 alerts, 1 resolved: full_ft"));
  CHECK_THAT(text, ContainsSubstring("🚨 CRITICAL (was WARNING): loss too high"));
  CHECK_THAT(text, ContainsSubstring("⚠️ STILL WARNING: step time up"));
  CHECK_THAT(text, ContainsSubstring("firing for 12 h"));
  CHECK_THAT(text, ContainsSubstring("✅ RESOLVED (was CRITICAL): gradient explosion\ntrain_loss is 0.41\n"
                                     "lasted 1 min"));
  CHECK_THAT(text, ContainsSubstring("1 critical, 1 warning, 1 resolved"));
  CHECK(severity_of(group) == Severity::critical);
}

TEST_CASE("a group is as severe as the worst that is not resolved", "[group]") {
  NotificationGroup group = burst();
  group.parts[1].kind = group.parts[2].kind = NotificationKind::resolved;
  CHECK(severity_of(group) == Severity::warning);
  CHECK(visible(slack_payload(group)).starts_with("⚠️ 1 alert, 2 resolved"));
  group.parts[0].kind = NotificationKind::resolved;
  CHECK(severity_of(group) == Severity::critical);
  CHECK(visible(slack_payload(group)).starts_with("✅ 3 alerts resolved"));
  CHECK(slack_summary(group).starts_with("RESOLVED full_ft"));
}

TEST_CASE("a large burst shows the worst and counts the rest by severity and rule", "[slack][group]") {
  for (const int count : {13, 29, 200, 2000}) {
    NotificationGroup group;
    for (int i = 0; i < count; ++i) {
      group.parts.push_back(part(fmt::format("{:016x}", i), fmt::format("rule-{}", i),
                                 i % 10 == 0 ? Severity::critical : Severity::warning));
    }
    const std::string payload = slack_payload(group);
    CHECK(joined(slack_complaints(payload)).empty());
    CHECK(joined(slack_complaints(slack_fallback(group))).empty());
    const std::string text = visible(payload);
    CHECK_THAT(text, ContainsSubstring(fmt::format("{} alerts", count)));
    CHECK_THAT(text, ContainsSubstring(fmt::format("and {} more", count - 12)));
    CHECK(text.find("CRITICAL: rule 0\n") < text.find("WARNING: rule 1\n"));
  }
}

TEST_CASE("a hint that several alerts share is said once", "[slack][group]") {
  const std::string text = visible(slack_payload(burst()));
  const std::size_t first = text.find("What to try:");
  REQUIRE(first != std::string::npos);
  CHECK(text.find("What to try:", first + 1) == std::string::npos);
}

TEST_CASE("alerts of several places each say where, in both forms", "[slack][group]") {
  NotificationGroup group = burst();
  group.parts[0].run.name = "full_ft_rte_seed42";
  for (const std::string& message : {visible(slack_payload(group)), slack_fallback(group)}) {
    CHECK_THAT(message, ContainsSubstring("full_ft_rte_seed42"));
    CHECK_THAT(message, ContainsSubstring("full_ft_sst2_seed999_failed"));
  }
  CHECK(joined(slack_complaints(slack_payload(group))).empty());
  CHECK(joined(slack_complaints(slack_fallback(group))).empty());
}

TEST_CASE("a repeated alert says so on the phone, in the message and in its plain form", "[slack]") {
  Notification n = fired();
  n.kind = NotificationKind::repeated;
  n.remark = "firing for 12 h <now>";
  CHECK(slack_summary(n).starts_with("STILL CRITICAL full_ft_sst2_seed999_failed:"));
  CHECK(visible(slack_payload(n)).starts_with("🚨 STILL CRITICAL: loss too high"));
  CHECK_THAT(visible(slack_payload(n)), ContainsSubstring("firing for 12 h &lt;now&gt;"));
  CHECK_THAT(slack_fallback(n), ContainsSubstring("firing for 12 h"));
  CHECK(joined(slack_complaints(slack_payload(n))).empty());
}

TEST_CASE("whatever things are called, a grouped message keeps the limits and mentions nobody",
          "[slack][group][hostile]") {
  for (const std::string& name : hostile_names()) {
    for (const bool same_place : {true, false}) {
      NotificationGroup group;
      group.key = name;
      int number = 0;
      for (const NotificationKind kind :
           {NotificationKind::fired, NotificationKind::escalated, NotificationKind::repeated,
            NotificationKind::resolved, NotificationKind::notice, NotificationKind::fired,
            NotificationKind::fired, NotificationKind::fired, NotificationKind::fired,
            NotificationKind::fired, NotificationKind::fired, NotificationKind::fired,
            NotificationKind::fired, NotificationKind::fired, NotificationKind::fired,
            NotificationKind::fired}) {
        if (same_place && kind == NotificationKind::notice) continue;
        Notification n =
            part(name + std::to_string(number), name + std::to_string(number), Severity::critical, kind);
        ++number;
        Transition& t = n.transitions[0];
        if (kind == NotificationKind::escalated) t.escalated_from = Severity::warning;
        n.run.name = same_place ? name : name + std::to_string(number);
        n.run.task = n.run.method = n.run.seed = n.run.key = n.remark = n.title = n.text = name;
        n.run.url = "https://wandb.ai/" + name;
        t.pack = t.message = t.hint = t.reason = t.run = t.comparison = name;
        t.subject = {SubjectKind::checkpoint, name};
        t.evidence.assign(40, {name, name, 1.0, std::vector<double>(500, 2.0)});
        group.parts.push_back(std::move(n));
      }
      INFO(name.substr(0, 60) << " " << same_place);
      CHECK(joined(slack_complaints(slack_payload(group))).empty());
      CHECK(joined(slack_complaints(slack_fallback(group))).empty());
      CHECK(nlohmann::json::parse(slack_payload(group)).contains("blocks"));
    }
  }
}
