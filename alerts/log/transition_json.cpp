// The JSON half of log_line.h, apart so that only this file pays for the JSON library.
#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/log/log_line.h"
#include "alerts/text/escape.h"
#include "alerts/text/json_number.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return json_number<Json>(value);
}

Json number(const std::optional<double>& value) {
  return value ? number(*value) : Json(nullptr);
}

Json step(std::int64_t value) {
  return value >= 0 ? Json(value) : Json(nullptr);
}

Json time(Time value) {
  return value == Time{} ? Json(nullptr) : Json(to_rfc3339(value));
}

Json text(std::string_view raw) {
  return escape_utf8(raw);
}

Json evidence_json(const std::vector<Evidence>& evidence) {
  Json all = Json::array();
  for (const Evidence& one : evidence) {
    Json recent = Json::array();
    for (const double value : one.recent) recent.push_back(number(value));
    all.push_back({{"metric", text(one.metric)},
                   {"original", text(one.original)},
                   {"value", number(one.value)},
                   {"recent", std::move(recent)}});
  }
  return all;
}

void add_transition(Json& json, const Transition& t, const RunContext* run) {
  json["time"] = time(t.time);
  json["rule"] = text(t.rule);
  json["pack"] = text(t.pack);
  json["severity"] = to_string(t.severity);
  json["escalated_from"] = t.escalated_from ? Json(to_string(*t.escalated_from)) : Json(nullptr);
  json["state"] = to_string(t.to);
  json["from"] = to_string(t.from);
  json["run"] = text(run != nullptr && !run->name.empty() ? run->name : t.run);
  json["run_key"] = text(t.run);
  json["subject"] = text(t.subject.key);
  json["subject_kind"] = to_string(t.subject.kind);
  json["step"] = step(t.step);
  json["attempt"] = t.attempt;
  json["value"] = number(t.value);
  json["threshold"] = number(t.threshold);
  json["comparison"] = text(t.comparison);
  json["since"] = time(t.since);
  json["since_step"] = step(t.since_step);
  json["message"] = text(t.message);
  json["hint"] = text(t.hint);
  json["reason"] = text(t.reason);
  json["id"] = text(t.id);
  json["evidence"] = evidence_json(t.evidence);
  json["task"] = run != nullptr ? text(run->task) : Json("");
  json["method"] = run != nullptr ? text(run->method) : Json("");
  json["seed"] = run != nullptr ? text(run->seed) : Json("");
}

/// ASCII only: a terminal that shows the JSON log gets no control character, not even of the C1 set.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

std::string transition_json(const Transition& transition, const RunContext* run) {
  Json json;
  add_transition(json, transition, run);
  return dump(json);
}

std::string notification_json(const Notification& n) {
  Json json;
  json["kind"] = to_string(n.kind);
  if (about_alert(n)) {
    add_transition(json, n.transitions.front(), &n.run);
    json["remark"] = text(n.remark);
    return dump(json);
  }
  json["time"] = time(n.time);
  json["severity"] = to_string(n.severity);
  json["title"] = text(n.title);
  json["text"] = text(n.text);
  json["remark"] = text(n.remark);
  json["alerts"] = Json::array();
  for (const Transition& transition : n.transitions) json["alerts"].push_back(text(transition.id));
  return dump(json);
}

}  // namespace redflag::alerts
