#include "alerts/slack/slack_message.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "alerts/lifecycle.h"
#include "alerts/message_id.h"
#include "alerts/slack/slack_text.h"
#include "builders.h"
#include "slack_limits.h"
#include "tests/alerts/slack_reading.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

namespace {

Notification resolved() {
  Notification n = fired();
  n.kind = NotificationKind::resolved;
  n.transitions = {loss_high(AlertState::resolved, 754)};
  n.time = at(754);
  return n;
}

}  // namespace

TEST_CASE("a phone shows severity, run and what is wrong in one line", "[slack]") {
  const auto root = nlohmann::json::parse(slack_payload(fired()));
  CHECK(root["text"] == "CRITICAL full_ft_sst2_seed999_failed: train loss 8.45 &gt; 5 at step 700");
}

TEST_CASE("a firing message has the run's link, value, step, since, identity, hint, curve and alert id",
          "[slack]") {
  const std::string payload = slack_payload(fired());
  CHECK(joined(slack_complaints(payload)).empty());
  const std::string text = visible(payload);
  CHECK_THAT(text, ContainsSubstring("🚨 CRITICAL: loss too high"));
  CHECK_THAT(text, ContainsSubstring("<https://wandb.ai/ent/proj/runs/abc123|full_ft_sst2_seed999_failed>"));
  CHECK_THAT(text, ContainsSubstring("*Value against limit*\n8.45 &gt; 5"));
  CHECK_THAT(text, ContainsSubstring("*Step*\n700"));
  CHECK_THAT(text,
             ContainsSubstring("<!date^1795402599^{date_short_pretty} {time_secs}|2026-11-23 02:56:39 UTC>"));
  CHECK_THAT(text, ContainsSubstring("2026-11-23T02:56:39Z, step 660"));
  CHECK_THAT(text, ContainsSubstring("*Task*\nsst2"));
  CHECK_THAT(text, ContainsSubstring("*Method*\nfull_finetune"));
  CHECK_THAT(text, ContainsSubstring("*Seed*\n999"));
  CHECK_THAT(text, ContainsSubstring("What to try: lower the learning rate"));
  CHECK_THAT(text, ContainsSubstring("train_loss ▁▁▃▄▆█ 8.45"));
  CHECK_THAT(text, ContainsSubstring("alert 9f3c0a4be2d17788 · rule loss-too-high (step3)"));
}

TEST_CASE("a resolved message says what ended, how long it lasted and the value now", "[slack]") {
  const std::string payload = slack_payload(resolved());
  CHECK(joined(slack_complaints(payload)).empty());
  const std::string text = visible(payload);
  CHECK_THAT(text, ContainsSubstring("✅ RESOLVED (was CRITICAL): loss too high"));
  CHECK_THAT(text, ContainsSubstring("train_loss is 0.41"));
  CHECK_THAT(text, ContainsSubstring("*Lasted*\n12 min 34 s"));
  CHECK_THAT(text, ContainsSubstring("*Value now*\n0.41 (alert was &gt; 5)"));
  CHECK(slack_summary(resolved()) ==
        "RESOLVED (was CRITICAL) full_ft_sst2_seed999_failed: loss too high after 12 min 34 s: train_loss is "
        "0.41");
}

TEST_CASE("an escalated message says from which severity to which", "[slack]") {
  Notification n = fired();
  n.kind = NotificationKind::escalated;
  n.transitions[0].escalated_from = Severity::warning;
  const std::string payload = slack_payload(n);
  CHECK(joined(slack_complaints(payload)).empty());
  CHECK_THAT(visible(payload), ContainsSubstring("CRITICAL (was WARNING): loss too high"));
  CHECK_THAT(visible(payload), ContainsSubstring("WARNING → CRITICAL"));
}

TEST_CASE("a value that is no number is shown as such", "[slack]") {
  Notification n = fired();
  n.transitions[0].value = std::nan("");
  n.transitions[0].evidence[0] = {
      "train_loss", "loss", std::nan(""), {1.0, 2.0, std::nan(""), INFINITY, -INFINITY}};
  const std::string text = visible(slack_payload(n));
  CHECK_THAT(text, ContainsSubstring("NaN &gt; 5"));
  CHECK_THAT(text, ContainsSubstring("train_loss ▁█×↑↓ NaN"));
}

TEST_CASE("a file's alert names the file", "[slack]") {
  Notification n = fired();
  n.run = {};
  Transition& t = n.transitions[0];
  t.run.clear();
  t.subject = {SubjectKind::representation, "/data/results/step_100/layer_0.pt"};
  t.value.reset();
  t.threshold.reset();
  t.step = -1;
  t.message = "file is empty";
  const std::string payload = slack_payload(n);
  CHECK(joined(slack_complaints(payload)).empty());
  CHECK_THAT(visible(payload), ContainsSubstring("*representation*\n/data/results/step_100/layer_0.pt"));
  CHECK(slack_summary(n) == "CRITICAL /data/results/step_100/layer_0.pt: file is empty");
}

TEST_CASE("hostile names and texts break no limit, format nothing and mention nobody", "[slack][hostile]") {
  for (const NotificationKind kind :
       {NotificationKind::fired, NotificationKind::escalated, NotificationKind::resolved,
        NotificationKind::digest, NotificationKind::notice}) {
    for (const std::string& name : hostile_names()) {
      Notification n = fired();
      n.kind = kind;
      Transition& t = n.transitions[0];
      if (kind == NotificationKind::escalated) t.escalated_from = Severity::warning;
      n.run.name = n.run.task = n.run.method = n.run.seed = n.run.key = name;
      n.run.url = "https://wandb.ai/" + name;
      t.rule = t.pack = t.message = t.hint = t.reason = t.run = t.comparison = t.id = name;
      t.subject = {SubjectKind::checkpoint, name};
      t.attempt = 3;
      t.evidence.assign(40, {name, name, 1.0, std::vector<double>(500, 2.0)});
      n.title = n.text = name;
      INFO(to_string(kind) << " " << name.substr(0, 60));
      CHECK(joined(slack_complaints(slack_payload(n))).empty());
      CHECK(joined(slack_complaints(slack_fallback(n))).empty());
    }
  }
}

TEST_CASE("a name stays whole where it can: underscores inside a word need no disguise", "[slack]") {
  CHECK(slack_mrkdwn("full_ft_sst2_seed42", 100) == "full_ft_sst2_seed42");
  CHECK(slack_mrkdwn("*x*", 100) == "∗x∗");
}

TEST_CASE("text is cut between characters as readers see them, and never inside an entity", "[slack]") {
  CHECK(slack_plain("ab👩‍🚀cd", 4) == "ab…");
  CHECK(slack_plain("a&&&", 8) == "a&amp;…");
  CHECK(slack_plain("o\xCC\x81o\xCC\x81", 3) == "o\xCC\x81…");
  CHECK(slack_plain("abc", 3) == "abc");
}

TEST_CASE("a link whose address is not http is only text", "[slack]") {
  CHECK(slack_link("javascript:alert(1)", "run", 50) == "run");
  CHECK(slack_link("https://h/a b|c>d&e", "run", 50) == "<https://h/a%20b%7Cc%3Ed&amp;e|run>");
  CHECK(slack_link("https://h/\n", "run", 50) == "run");
}

TEST_CASE("a long digest and a notice keep the limits and say what they have to", "[slack][digest]") {
  Notification n;
  n.kind = NotificationKind::digest;
  n.severity = Severity::info;
  n.time = at(0);
  n.title = "redflag has read ent/proj: 300 ended runs; 12 would have alerted";
  for (int i = 0; i < 500; ++i)
    n.text += "CRITICAL run_" + std::to_string(i) + ": train loss <8.45> & more at step 700\n";
  CHECK(joined(slack_complaints(slack_payload(n))).empty());
  CHECK_THAT(visible(slack_payload(n)),
             ContainsSubstring("📋 redflag has read ent/proj: 300 ended runs; 12 would"));
  CHECK_THAT(visible(slack_payload(n)), ContainsSubstring("run_40:"));
  n.kind = NotificationKind::notice;
  n.severity = Severity::warning;
  n.title = "redflag was down for 3 h";
  n.text = "Live then: full_ft_rte_seed42";
  CHECK(joined(slack_complaints(slack_payload(n))).empty());
  CHECK_THAT(visible(slack_payload(n)), ContainsSubstring("⚠️ WARNING: redflag was down for 3 h"));
  CHECK_THAT(visible(slack_payload(n)), ContainsSubstring("Live then: full_ft_rte_seed42"));
}

TEST_CASE("the plain form is text and nothing else", "[slack][outbox]") {
  CHECK(nlohmann::json::parse(slack_fallback(fired())).size() == 1);
}

TEST_CASE("a message's id is that of the alert, the announcement and the receiver, whenever it is made",
          "[slack][outbox]") {
  CHECK(message_id(fired(), "slack") == "9f3c0a4be2d17788-fired-critical@slack");
  CHECK(message_id(resolved(), "slack") != message_id(fired(), "slack"));
}
