#include "alerts/slack/slack_parts.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/text/clean.h"
#include "alerts/text/json_number.h"

namespace redflag::alerts {
namespace {

using nlohmann::json;

constexpr std::size_t kShown = 12;  // as many as the grouped form shows
constexpr std::size_t kCurves = 3;

json number(double value) {
  return json_number<json>(value);
}

double number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

std::int64_t micros(Time time) {
  return time.time_since_epoch().count();
}

Time time_at(const json& in, const char* key) {
  return Time{Duration{in.value(key, std::int64_t{0})}};
}

void add_curves(json& out, const Transition& t) {
  json curves = json::array();
  for (const Evidence& evidence : t.evidence) {
    if (curves.size() == kCurves) break;
    json recent = json::array();
    const std::size_t from = evidence.recent.size() - std::min<std::size_t>(evidence.recent.size(), 32);
    for (std::size_t i = from; i < evidence.recent.size(); ++i) recent.push_back(number(evidence.recent[i]));
    curves.push_back({clean(evidence.metric, 80), number(evidence.value), std::move(recent)});
  }
  if (!curves.empty()) out["curves"] = std::move(curves);
}

json transition_json_of(const Transition& t, bool whole) {
  // The id is looked up again: it stays as it is.
  json out{{"id", t.id}, {"rule", clean(t.rule, 120)}, {"since", micros(t.since)}};
  if (t.escalated_from) out["was"] = to_string(*t.escalated_from);
  if (!whole) return out;
  out["pack"] = clean(t.pack, 120);
  out["severity"] = to_string(t.severity);
  out["kind"] = to_string(t.subject.kind);
  out["key"] = clean(t.subject.key, 300);
  out["run"] = clean(t.run, 300);
  out["to"] = to_string(t.to);
  out["time"] = micros(t.time);
  out["step"] = t.step;
  out["since_step"] = t.since_step;
  out["attempt"] = t.attempt;
  if (t.value) out["value"] = number(*t.value);
  if (t.threshold) out["threshold"] = number(*t.threshold);
  out["comparison"] = clean(t.comparison, 8);
  out["message"] = clean(t.message, 1000, Lines::keep);
  out["hint"] = clean(t.hint, 600, Lines::keep);
  out["reason"] = clean(t.reason, 600, Lines::keep);
  add_curves(out, t);
  return out;
}

Transition transition_of(const json& in) {
  Transition t;
  t.id = in.value("id", "");
  t.rule = in.value("rule", "");
  t.since = time_at(in, "since");
  if (in.contains("was")) t.escalated_from = severity_from(in.value("was", ""));
  t.pack = in.value("pack", "");
  t.severity = severity_from(in.value("severity", "")).value_or(Severity::warning);
  t.subject = {subject_kind_from(in.value("kind", "")).value_or(SubjectKind::run), in.value("key", "")};
  t.run = in.value("run", "");
  t.to = alert_state_from(in.value("to", "")).value_or(AlertState::firing);
  t.time = time_at(in, "time");
  t.step = in.value("step", std::int64_t{-1});
  t.since_step = in.value("since_step", std::int64_t{-1});
  t.attempt = in.value("attempt", 1U);
  if (in.contains("value")) t.value = number_of(in["value"]);
  if (in.contains("threshold")) t.threshold = number_of(in["threshold"]);
  t.comparison = in.value("comparison", "");
  t.message = in.value("message", "");
  t.hint = in.value("hint", "");
  t.reason = in.value("reason", "");
  for (const json& curve : in.value("curves", json::array())) {
    Evidence evidence{curve.at(0).get<std::string>(), {}, number_of(curve.at(1)), {}};
    for (const json& value : curve.at(2)) evidence.recent.push_back(number_of(value));
    t.evidence.push_back(std::move(evidence));
  }
  return t;
}

std::optional<NotificationKind> kind_from(const std::string& name) {
  for (const NotificationKind kind :
       {NotificationKind::fired, NotificationKind::escalated, NotificationKind::repeated,
        NotificationKind::resolved, NotificationKind::digest, NotificationKind::notice}) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

json part_json(const Notification& n, bool whole) {
  json out{{"what", to_string(n.kind)}, {"level", to_string(n.severity)}, {"at", micros(n.time)}};
  if (!n.remark.empty() && whole) out["remark"] = clean(n.remark, 600);
  if (!n.title.empty()) out["title"] = clean(n.title, 400);
  if (!n.text.empty() && whole) out["text"] = clean(n.text, 8000, Lines::keep);
  if (about_alert(n)) out["alert"] = transition_json_of(n.transitions.front(), whole);
  const RunContext& run = n.run;
  // The key names the run's thread: it stays as it is.
  if (!run.key.empty()) out["run_key"] = run.key;
  if (!run.name.empty()) out["run"] = clean(run.name, 300);
  if (!whole) return out;
  if (!run.url.empty() && run.url.size() <= 1000) out["url"] = run.url;
  if (!run.task.empty()) out["task"] = clean(run.task, 120);
  if (!run.method.empty()) out["method"] = clean(run.method, 120);
  if (!run.seed.empty()) out["seed"] = clean(run.seed, 60);
  return out;
}

Notification part_of(const json& in) {
  Notification n;
  n.kind = kind_from(in.value("what", "")).value_or(NotificationKind::notice);
  n.severity = severity_from(in.value("level", "")).value_or(Severity::warning);
  n.time = time_at(in, "at");
  n.remark = in.value("remark", "");
  n.title = in.value("title", "");
  n.text = in.value("text", "");
  if (in.contains("alert")) n.transitions.push_back(transition_of(in["alert"]));
  n.run.key = in.value("run_key", "");
  n.run.name = in.value("run", "");
  n.run.url = in.value("url", "");
  n.run.task = in.value("task", "");
  n.run.method = in.value("method", "");
  n.run.seed = in.value("seed", "");
  return n;
}

}  // namespace

json parts_to_json(const NotificationGroup& group) {
  json parts = json::array();
  for (const Notification* part : present_parts(group))
    parts.push_back(part_json(*part, parts.size() < kShown));
  return parts;
}

NotificationGroup parts_from_json(const json& parts) {
  NotificationGroup group;
  if (!parts.is_array()) return group;
  for (const json& part : parts) {
    try {
      group.parts.push_back(part_of(part));
    } catch (const json::exception&) {
      continue;
    }
  }
  return group;
}

}  // namespace redflag::alerts
