#include "alerts/alertmanager/alertmanager_alerts.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/outbox/http_answer.h"
#include "alerts/text/clean.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLabelUnits = 300;
constexpr std::size_t kAnnotationUnits = 2000;
constexpr Duration kNoticeLasts = std::chrono::hours{1};

constexpr std::array<std::string_view, 10> kOwnLabels{
    "alertname", "severity", "run", "project", "task", "method", "seed", "subject_kind", "subject", "notice"};

/// Alertmanager refuses the whole alert for a generatorURL that is none.
bool is_plain_url(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) return false;
  constexpr std::string_view kUnfit = "\"<>\\^`{|}%";
  return url.size() <= 1000 && std::all_of(url.begin(), url.end(), [&](char c) {
           return c > ' ' && c < 0x7f && kUnfit.find(c) == std::string_view::npos;
         });
}

class Writer {
 public:
  Writer(Time now, const AlertmanagerOptions& options) : now_(now), options_(options) {}

  void add(const Notification& n) {
    if (about_alert(n)) {
      add_alert(n);
    } else if (n.kind != NotificationKind::digest) {
      add_notice(n);
    }
  }

  std::string text() const {
    return alerts_.empty() ? std::string() : alerts_.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  static void put(Json& object, std::string_view name, std::string_view raw, std::size_t units) {
    std::string text = clean(raw, units);
    if (!text.empty()) object[std::string(name)] = std::move(text);
  }

  Json labels(const Notification& n, Severity severity) const {
    Json labels = Json::object();
    for (const auto& [name, value] : options_.labels) put(labels, name, value, kLabelUnits);
    const Transition& t = n.transitions.front();
    put(labels, "alertname", t.rule.empty() ? "redflag" : t.rule, kLabelUnits);
    if (!labels.contains("alertname")) labels["alertname"] = "redflag";
    labels["severity"] = to_string(severity);
    put(labels, "run", n.run.name, kLabelUnits);
    put(labels, "project", n.run.project, kLabelUnits);
    put(labels, "task", n.run.task, kLabelUnits);
    put(labels, "method", n.run.method, kLabelUnits);
    put(labels, "seed", n.run.seed, kLabelUnits);
    labels["subject_kind"] = to_string(t.subject.kind);
    put(labels, "subject", t.subject.key, kLabelUnits);
    return labels;
  }

  static Json annotations(const Notification& n) {
    const Transition& t = n.transitions.front();
    Json notes = Json::object();
    const std::string what = message_words(t);
    put(notes, "summary", fmt::format("{}: {}", place(t, &n.run), what), kAnnotationUnits);
    put(notes, "description", n.kind == NotificationKind::resolved ? what + "; " + resolved_words(t) : what,
        kAnnotationUnits);
    put(notes, "hint", t.hint, kAnnotationUnits);
    put(notes, "value", value_words(t), 100);
    if (t.step >= 0) notes["step"] = std::to_string(t.step);
    put(notes, "remark", n.remark, kAnnotationUnits);
    put(notes, "alert_id", t.id, 64);
    return notes;
  }

  void push(Json labels, Json notes, Time since, Time until, std::string_view url) {
    Json alert;
    alert["labels"] = std::move(labels);
    alert["annotations"] = std::move(notes);
    if (since != Time{}) alert["startsAt"] = to_rfc3339(std::min(since, until));
    alert["endsAt"] = to_rfc3339(until);
    if (is_plain_url(url)) alert["generatorURL"] = std::string(url);
    alerts_.push_back(std::move(alert));
  }

  void add_alert(const Notification& n) {
    const Transition& t = n.transitions.front();
    if (n.kind == NotificationKind::resolved) {
      const Time end = t.time == Time{} ? now_ : std::min(t.time, now_);
      push(labels(n, n.severity), annotations(n), t.since, end, n.run.url);
      return;
    }
    if (n.kind == NotificationKind::escalated && t.escalated_from && *t.escalated_from != n.severity)
      push(labels(n, *t.escalated_from), annotations(n), t.since, now_, n.run.url);
    // A clock that was set back must not make it begin in the future.
    push(labels(n, n.severity), annotations(n), std::min(t.since, now_), now_ + options_.lifetime, n.run.url);
  }

  void add_notice(const Notification& n) {
    Json labels = Json::object();
    for (const auto& [name, value] : options_.labels) put(labels, name, value, kLabelUnits);
    labels["alertname"] = "redflag-notice";
    labels["severity"] = to_string(n.severity);
    put(labels, "notice", n.title, kLabelUnits);
    Json notes = Json::object();
    put(notes, "summary", n.title, kAnnotationUnits);
    put(notes, "description", n.text, kAnnotationUnits);
    const Time begin = n.time == Time{} ? now_ : std::min(n.time, now_);
    push(std::move(labels), std::move(notes), begin, now_ + kNoticeLasts, {});
  }

  Time now_;
  const AlertmanagerOptions& options_;
  Json alerts_ = Json::array();
};

}  // namespace

std::string alertmanager_alerts(const std::vector<Notification>& notifications, Time now,
                                const AlertmanagerOptions& options) {
  Writer writer(now, options);
  for (const Notification& notification : notifications) writer.add(notification);
  return writer.text();
}

bool is_free_label(const std::string& name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9') || name.starts_with("__")) return false;
  const bool fit = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return fit && std::find(kOwnLabels.begin(), kOwnLabels.end(), name) == kOwnLabels.end();
}

Verdict classify_alertmanager_answer(const SinkAnswer& answer, Time now) {
  return classify_http_answer(
      answer, now,
      {.denied = "it asks for other credentials: check the receiver's token_file",
       .not_found = "the URL has to be Alertmanager's own, such as http://host:9093, version 0.16 or newer"});
}

}  // namespace redflag::alerts
