#include <nlohmann/json.hpp>

#include "alerts/alertmanager/alertmanager_alerts.h"
#include "alerts/text/utf8.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json sent(const std::vector<Notification>& notifications, const AlertmanagerOptions& options = {}) {
  return json::parse(alertmanager_alerts(notifications, at(100), options));
}

Verdict answered(int status, const std::string& body = {}, const std::string& wait = {}) {
  SinkAnswer answer;
  answer.status = status;
  answer.body = body;
  answer.retry_after = wait;
  return classify_alertmanager_answer(answer, at(0));
}

}  // namespace

TEST_CASE("Alertmanager gets what is wrong as labels and what it looks like as annotations",
          "[alertmanager]") {
  const json alert = sent({fired()})[0];
  CHECK(alert["labels"] == json{{"alertname", "loss-too-high"},
                                {"severity", "critical"},
                                {"run", "full_ft_sst2_seed999_failed"},
                                {"task", "sst2"},
                                {"method", "full_finetune"},
                                {"seed", "999"},
                                {"subject_kind", "run"},
                                {"subject", "api.wandb.ai/ent/proj/abc123"}});
  CHECK(alert["annotations"]["summary"] == "full_ft_sst2_seed999_failed: train loss 8.45 > 5 at step 700");
  CHECK(alert["annotations"]["alert_id"] == "9f3c0a4be2d17788");
  CHECK(alert["annotations"]["step"] == "700");
  CHECK(alert["annotations"]["value"] == "8.45 > 5");
  CHECK(alert["startsAt"] == "2026-11-23T02:56:39Z");
  CHECK(alert["endsAt"] == "2026-11-23T03:02:19Z");  // 100 s + 4 min
  CHECK(alert["generatorURL"] == "https://wandb.ai/ent/proj/runs/abc123");
}

TEST_CASE("labels are the same while an alert goes on, whatever its values, texts and daemon are",
          "[alertmanager]") {
  Notification later = fired();
  later.kind = NotificationKind::repeated;
  later.remark = "firing for 12 h";
  later.transitions[0].value = 9.9;
  later.transitions[0].message = "train loss 9.9";
  later.transitions[0].id = "another daemon's";
  later.transitions[0].attempt = 2;
  later.run.state = "crashed";
  CHECK(sent({later})[0]["labels"] == sent({fired()})[0]["labels"]);
}

TEST_CASE("a resolved alert has the labels it fired with, and its end", "[alertmanager]") {
  Notification n = fired();
  n.kind = NotificationKind::resolved;
  n.transitions = {loss_high(AlertState::resolved, 60, Severity::warning)};  // it was critical at its worst
  const json alert = sent({n})[0];
  CHECK(alert["labels"] == sent({fired()})[0]["labels"]);
  CHECK(alert["endsAt"] == "2026-11-23T02:57:39Z");
}

TEST_CASE("an escalated alert ends under its old severity and fires under the new one", "[alertmanager]") {
  Notification n = fired();
  n.kind = NotificationKind::escalated;
  n.transitions[0].escalated_from = Severity::warning;
  const json alerts = sent({n});
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0]["labels"]["severity"] == "warning");
  CHECK(alerts[0]["endsAt"] == "2026-11-23T02:58:19Z");
  CHECK(alerts[1]["labels"]["severity"] == "critical");
  CHECK(alerts[1]["endsAt"] > alerts[0]["endsAt"]);
}

TEST_CASE("a notice is an alert that ends by itself, a digest has no place there", "[alertmanager]") {
  Notification n;
  n.kind = NotificationKind::notice;
  n.severity = Severity::critical;
  n.time = at(0);
  n.title = "redflag lost its state database";
  const json alert = sent({n})[0];
  CHECK(alert["labels"]["alertname"] == "redflag-notice");
  CHECK(alert["labels"]["notice"] == n.title);
  n.kind = NotificationKind::digest;
  CHECK(alertmanager_alerts({n}, at(0), {}).empty());
}

TEST_CASE("no alert ends before it starts or starts in the future, whatever the clocks say",
          "[alertmanager]") {
  for (const double since : {-1e6, 0.0, 99.0, 1e6}) {
    for (const NotificationKind kind :
         {NotificationKind::fired, NotificationKind::escalated, NotificationKind::resolved}) {
      Notification n = fired();
      n.kind = kind;
      n.transitions[0].since = at(since);
      n.transitions[0].escalated_from = Severity::warning;
      for (const json& alert : sent({n})) {
        CHECK(*parse_rfc3339(alert["startsAt"].get<std::string>()) <=
              *parse_rfc3339(alert["endsAt"].get<std::string>()));
        CHECK(*parse_rfc3339(alert["startsAt"].get<std::string>()) <= at(100));
      }
    }
  }
}

TEST_CASE("labels of one's own are added; those that redflag sets are refused", "[alertmanager]") {
  AlertmanagerOptions options;
  options.labels = {{"team", "nlp"}};
  CHECK(sent({fired()}, options)[0]["labels"]["team"] == "nlp");
  CHECK(is_free_label("team_2"));
  for (const char* bad : {"", "2team", "te-am", "severity", "alertname", "__x", "té"})
    CHECK_FALSE(is_free_label(bad));
}

TEST_CASE("whatever things are called, labels are clean, bounded UTF-8 and URLs are URLs",
          "[alertmanager][hostile]") {
  for (const std::string& name : hostile_names()) {
    Notification n = fired();
    Transition& t = n.transitions[0];
    n.run.name = n.run.task = n.run.method = n.run.seed = n.run.project = n.remark = name;
    n.run.url = "https://wandb.ai/" + name;
    t.rule = t.message = t.hint = t.id = name;
    t.subject = {SubjectKind::checkpoint, name};
    const json alert = sent({n})[0];
    CHECK(!alert["labels"]["alertname"].get<std::string>().empty());
    for (const char* map : {"labels", "annotations"}) {
      for (const auto& [key, value] : alert[map].items()) {
        const auto text = value.get<std::string>();
        CHECK(utf16_units(text) <= 2000);
        CHECK(!text.empty());
        for (std::size_t at = 0; at < text.size();) {
          const Decoded here = decode_at(text, at);
          CHECK(here.valid);
          CHECK_FALSE(is_control(here.code));
          CHECK_FALSE(is_bidi_control(here.code));
          at += here.bytes;
        }
      }
    }
    if (alert.contains("generatorURL"))
      CHECK(alert["generatorURL"].get<std::string>().find_first_of(" <>\"\n") == std::string::npos);
  }
}

TEST_CASE("Alertmanager's answers: taken, busy, wrong address, not allowed", "[alertmanager][sink]") {
  CHECK(answered(200).outcome == Outcome::sent);
  CHECK(answered(202).outcome == Outcome::sent);
  CHECK(answered(503, "starting", "10").retry_after == Duration{10s});
  CHECK(answered(429, "", "5").pauses_channel);
  for (const int status : {408, 425, 500, 502, 504}) CHECK(answered(status).outcome == Outcome::retry);
  for (const int status : {301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422})
    CHECK(answered(status).outcome == Outcome::permanent);
  CHECK_THAT(answered(302).reason, ContainsSubstring("not followed"));
  CHECK_THAT(answered(404).reason, ContainsSubstring("http://host:9093"));
  SinkAnswer none;
  none.transport_error = true;
  none.transport_text = "connection refused";
  CHECK(classify_alertmanager_answer(none, at(0)).outcome == Outcome::retry);
}
