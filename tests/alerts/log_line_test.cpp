#include "alerts/log/log_line.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

TEST_CASE("a log line says severity, run, rule, what, step, since, alert and hint", "[log]") {
  const RunContext run = failed_run();
  CHECK(
      transition_line(loss_high(AlertState::firing), &run) ==
      "CRITICAL  full_ft_sst2_seed999_failed  loss-too-high  train loss 8.45 > 5 at step 700 since 02:56:39  "
      "alert 9f3c0a4be2d17788  hint: lower the learning rate 2-5x, lengthen warm-up, check gradient "
      "clipping");
  CHECK(transition_line(loss_high(AlertState::resolved, 754), &run) ==
        "RESOLVED  full_ft_sst2_seed999_failed  loss-too-high  was CRITICAL for 12 min 34 s: train_loss is "
        "0.41  "
        "alert 9f3c0a4be2d17788");
  CHECK_THAT(transition_line(loss_high(AlertState::pending), &run), ContainsSubstring("PENDING   full_ft"));
}

TEST_CASE("since is shown with its date when it was another day", "[log]") {
  CHECK_THAT(transition_line(loss_high(AlertState::firing, 90000)),
             ContainsSubstring("since 2026-11-23T02:56:39Z"));
}

TEST_CASE("an escalation says what it was before", "[log]") {
  Transition t = loss_high(AlertState::firing);
  t.escalated_from = Severity::warning;
  CHECK_THAT(transition_line(t), ContainsSubstring("loss-too-high  (was WARNING) train loss"));
}

TEST_CASE("whatever things are called, the log line is one bounded line without control characters",
          "[log][hostile]") {
  for (const std::string& bad : hostile_names()) {
    Notification n = fired();
    Transition& t = n.transitions[0];
    n.run.name = t.rule = t.message = t.hint = t.id = t.subject.key = bad;
    t.subject.kind = SubjectKind::checkpoint;
    n.title = n.text = bad;
    for (const NotificationKind kind : {NotificationKind::fired, NotificationKind::notice}) {
      n.kind = kind;
      for (const std::string& line : {notification_line(n), notification_json(n)}) {
        for (const char c : line) {
          const auto byte = static_cast<unsigned char>(c);
          REQUIRE((byte >= 0x20 && byte != 0x7F));
        }
        CHECK(line.find("\xC2\x9B") == std::string::npos);
        CHECK(line.find("\xE2\x80\xAE") == std::string::npos);
      }
      CHECK(notification_line(n).size() < 60000);
    }
  }
}

TEST_CASE("a transition's JSON has every promised key and keeps what is no number", "[log][json]") {
  Transition t = loss_high(AlertState::firing);
  t.value = std::nan("");
  t.threshold = INFINITY;
  t.evidence[0].recent = {1.0, -INFINITY, std::nan("")};
  const RunContext run = failed_run();
  const std::string text = transition_json(t, &run);
  CHECK(text.find('\n') == std::string::npos);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["rule"] == "loss-too-high");
  CHECK(json["severity"] == "critical");
  CHECK(json["run"] == "full_ft_sst2_seed999_failed");
  CHECK(json["run_key"] == "api.wandb.ai/ent/proj/abc123");
  CHECK(json["subject"] == "api.wandb.ai/ent/proj/abc123");
  CHECK(json["subject_kind"] == "run");
  CHECK(json["state"] == "firing");
  CHECK(json["step"] == 700);
  CHECK(json["time"] == "2026-11-23T02:56:39Z");
  CHECK(json["value"] == "NaN");
  CHECK(json["threshold"] == "Infinity");
  CHECK(json["message"] == "train loss 8.45 > 5");
  CHECK(json["since"] == "2026-11-23T02:56:39Z");
  CHECK(json["since_step"] == 660);
  CHECK(json["id"] == "9f3c0a4be2d17788");
  CHECK(json["pack"] == "step3");
  CHECK(json["attempt"] == 1);
  CHECK(json["hint"].is_string());
  CHECK(json["evidence"][0]["recent"] == nlohmann::json::parse(R"([1.0,"-Infinity","NaN"])"));
  CHECK(json["escalated_from"].is_null());
}

TEST_CASE("what is not known is null, and a run without a name goes by its key", "[log][json]") {
  Transition t = loss_high(AlertState::firing);
  t.step = t.since_step = -1;
  t.time = t.since = Time{};
  t.value.reset();
  const auto json = nlohmann::json::parse(transition_json(t, nullptr));
  CHECK(json["step"].is_null());
  CHECK(json["time"].is_null());
  CHECK(json["value"].is_null());
  CHECK(json["run"] == "api.wandb.ai/ent/proj/abc123");
}

TEST_CASE("a name that is no UTF-8 can be read back from the JSON exactly", "[log][json][hostile]") {
  for (const std::string& bad : hostile_names()) {
    RunContext run = failed_run();
    run.name = bad;
    const auto json = nlohmann::json::parse(transition_json(loss_high(AlertState::firing), &run));
    if (!bad.empty()) CHECK(unescape_utf8(json["run"].get<std::string>()) == bad);
  }
}

TEST_CASE("a repeated announcement says still, and a remark stands at the end of the line and in the JSON",
          "[log][json]") {
  Notification n = fired();
  n.kind = NotificationKind::repeated;
  n.remark = "firing for\n12 h";
  CHECK_THAT(notification_line(n), ContainsSubstring("loss-too-high  still train loss 8.45 > 5"));
  CHECK(notification_line(n).ends_with("clipping  firing for | 12 h"));
  const auto json = nlohmann::json::parse(notification_json(n));
  CHECK(json["kind"] == "repeated");
  CHECK(json["remark"] == "firing for\n12 h");
}
