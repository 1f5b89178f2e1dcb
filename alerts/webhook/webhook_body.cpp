#include "alerts/webhook/webhook_body.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "alerts/group.h"
#include "alerts/log/log_line.h"
#include "alerts/outbox/http_answer.h"
#include "alerts/text/escape.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

using Json = nlohmann::ordered_json;
using Parts = std::vector<const Notification*>;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string status_of(const Parts& parts) {
  if (parts.empty()) return "notice";
  const Notification& first = *parts.front();
  if (!about_alert(first)) return first.kind == NotificationKind::digest ? "digest" : "notice";
  return first.kind == NotificationKind::resolved ? "resolved" : "firing";
}

/// One line: "CRITICAL full_ft_sst2: train loss 8.45 > 5 at step 700", "CRITICAL full_ft_sst2: 3 alerts: …".
std::string summary_of(const Parts& parts) {
  if (parts.empty()) return {};
  const Notification& first = *parts.front();
  if (!about_alert(first)) return fmt::format("{}: {}", severity_word(first.severity), first.title);
  const std::string where = common_place(parts);
  const std::string lead = status_words(first) + (where.empty() ? "" : " " + where);
  if (parts.size() == 1) return fmt::format("{}: {}", lead, what_words(first));
  return fmt::format("{}: {}: {}", lead, counts_words(count_parts(parts)), what_words(first));
}

Json run_json(const RunContext& run) {
  Json tags = Json::array();
  for (const std::string& tag : run.tags) tags.push_back(escape_utf8(tag));
  return {{"key", escape_utf8(run.key)},   {"name", escape_utf8(run.name)},
          {"url", escape_utf8(run.url)},   {"project", escape_utf8(run.project)},
          {"task", escape_utf8(run.task)}, {"method", escape_utf8(run.method)},
          {"seed", escape_utf8(run.seed)}, {"state", escape_utf8(run.state)},
          {"tags", std::move(tags)}};
}

Json alerts_json(const Parts& parts) {
  Json alerts = Json::array();
  for (const Notification* part : parts) {
    if (about_alert(*part)) alerts.push_back(Json::parse(notification_json(*part)));
  }
  return alerts;
}

std::string number_text(const std::optional<double>& value) {
  return value ? number_words(*value) : std::string();
}

std::string time_text(Time time) {
  return time == Time{} ? std::string() : to_rfc3339(time);
}

/// What a field is taken from: the worst part, its transition (an empty one for a notice), all parts.
struct Source {
  const Parts& parts;
  const NotificationGroup& group;
  std::string_view receiver;
  const Notification& first;
  const Transition& t;
};

struct Field {
  std::string_view name;
  std::string_view doc;
  std::string (*get)(const Source& from);
};

std::string ids(const Source& s) {
  std::string all;
  for (const std::string& id : alert_ids_of(s.group)) all += (all.empty() ? "" : ",") + id;
  return all;
}

constexpr std::array<Field, 38> kFields{{
    {"summary", "one line for people", [](const Source& s) { return summary_of(s.parts); }},
    {"status", "firing, resolved, notice or digest", [](const Source& s) { return status_of(s.parts); }},
    {"severity", "info, warning or critical: the worst that is not resolved",
     [](const Source& s) { return std::string(to_string(s.first.severity)); }},
    {"counts", "\"1 critical, 2 warnings, 1 resolved\"",
     [](const Source& s) { return counts_words(count_parts(s.parts)); }},
    {"count", "how many alerts", [](const Source& s) { return std::to_string(s.parts.size()); }},
    {"firing_count", "how many of them are not resolved",
     [](const Source& s) { return std::to_string(count_parts(s.parts).firing()); }},
    {"resolved_count", "how many are",
     [](const Source& s) { return std::to_string(count_parts(s.parts).resolved); }},
    {"receiver", "the receiver's name", [](const Source& s) { return std::string(s.receiver); }},
    {"group_key", "what the alerts have in common: the run's key, or kind:subject",
     [](const Source& s) { return s.group.key; }},
    {"run", "the run's name", [](const Source& s) { return s.first.run.name; }},
    {"run_key", "the run's key", [](const Source& s) { return s.first.run.key; }},
    {"run_url", "its page", [](const Source& s) { return s.first.run.url; }},
    {"run_state", "running, finished, crashed, …", [](const Source& s) { return s.first.run.state; }},
    {"project", "entity/project", [](const Source& s) { return s.first.run.project; }},
    {"task", "the run's task", [](const Source& s) { return s.first.run.task; }},
    {"method", "the run's method", [](const Source& s) { return s.first.run.method; }},
    {"seed", "the run's seed", [](const Source& s) { return s.first.run.seed; }},
    {"place", "the run's name, else what the alert is about",
     [](const Source& s) { return std::string(place(s.t, &s.first.run)); }},
    {"title", "headline of a digest or a notice", [](const Source& s) { return s.first.title; }},
    {"text", "body of a digest or a notice", [](const Source& s) { return s.first.text; }},
    {"alert_id", "of the worst alert, as all that follow", [](const Source& s) { return s.t.id; }},
    {"alert_ids", "of all alerts, with commas between", ids},
    {"kind", "fired, escalated, repeated, resolved, digest or notice",
     [](const Source& s) { return std::string(to_string(s.first.kind)); }},
    {"rule", "the rule's name", [](const Source& s) { return s.t.rule; }},
    {"pack", "the rule pack", [](const Source& s) { return s.t.pack; }},
    {"subject", "what it is about", [](const Source& s) { return s.t.subject.key; }},
    {"subject_kind", "run, checkpoint, representation, …",
     [](const Source& s) { return std::string(to_string(s.t.subject.kind)); }},
    {"step", "training step",
     [](const Source& s) { return s.t.step >= 0 ? std::to_string(s.t.step) : std::string(); }},
    {"value", "the value that decided", [](const Source& s) { return number_text(s.t.value); }},
    {"threshold", "its limit", [](const Source& s) { return number_text(s.t.threshold); }},
    {"comparison", "the operator between the two", [](const Source& s) { return s.t.comparison; }},
    {"time", "when it changed", [](const Source& s) { return time_text(s.first.time); }},
    {"since", "since when it holds", [](const Source& s) { return time_text(s.t.since); }},
    {"since_step", "and since which step",
     [](const Source& s) { return s.t.since_step >= 0 ? std::to_string(s.t.since_step) : std::string(); }},
    {"message", "what is wrong", [](const Source& s) { return message_words(s.t); }},
    {"hint", "what to try", [](const Source& s) { return s.t.hint; }},
    {"reason", "why it ended", [](const Source& s) { return s.t.reason; }},
    {"remark", "\"firing for 12 h\"", [](const Source& s) { return s.first.remark; }},
}};

constexpr std::string_view kAlerts = "{{alerts}}";

std::string_view trim_spaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

const Field* field_named(std::string_view name) {
  const auto found =
      std::find_if(kFields.begin(), kFields.end(), [name](const Field& field) { return field.name == name; });
  return found == kFields.end() ? nullptr : &*found;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

std::string near_field(std::string_view name) {
  const std::string_view known = name.substr(0, 60);
  const auto nearest = std::min_element(kFields.begin(), kFields.end(), [&](const Field& a, const Field& b) {
    return distance(known, a.name) < distance(known, b.name);
  });
  if (distance(known, nearest->name) <= std::max<std::size_t>(2, known.size() / 3))
    return fmt::format("did you mean \"{}\"?", nearest->name);
  std::string all = "the fields are alerts";
  for (const Field& field : kFields) all += ", " + std::string(field.name);
  return all;
}

/// Calls `literal` and `field` for the pieces of a text, in order. The first problem, or empty.
template <typename Literal, typename OnField>
Error walk(std::string_view text, Literal literal, OnField on_field) {
  Error problem;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find("{{", at), text.size());
    literal(text.substr(at, open - at));
    if (open == text.size()) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) {
      problem.what = "a \"{{\" has no \"}}\"";
      return problem;
    }
    const std::string_view name = trim_spaces(text.substr(open + 2, close - open - 2));
    const Field* field = field_named(name);
    if (field == nullptr) {
      const bool list = name == "alerts";
      problem.what = list ? std::string("\"{{alerts}}\" is a list: it has to be the whole text of its string")
                          : fmt::format("there is no field \"{}\"", escape_terminal(name.substr(0, 60)));
      if (!list) problem.advice = near_field(name);
      return problem;
    }
    on_field(*field);
    at = close + 2;
  }
  return problem;
}

Error check(const Json& node) {
  if (node.is_string()) {
    const auto& text = node.get_ref<const std::string&>();
    if (text == kAlerts) return {};
    return walk(
        text, [](std::string_view) {}, [](const Field&) {});
  }
  if (!node.is_structured()) return {};
  for (const Json& child : node) {
    if (Error problem = check(child); !problem.what.empty()) return problem;
  }
  return {};
}

Json filled(const Json& node, const Source& from) {
  if (node.is_string()) {
    const auto& text = node.get_ref<const std::string&>();
    if (text == kAlerts) return alerts_json(from.parts);
    std::string out;
    walk(
        text, [&out](std::string_view piece) { out += piece; },
        [&](const Field& field) { out += escape_utf8(field.get(from)); });
    return out;
  }
  if (!node.is_structured()) return node;
  Json out = node;
  for (Json& child : out) child = filled(Json(child), from);
  return out;
}

}  // namespace

std::string webhook_body(const NotificationGroup& group, std::string_view receiver) {
  const Parts parts = present_parts(group);
  if (parts.empty()) return {};
  const Notification& first = *parts.front();
  const GroupCounts counts = count_parts(parts);
  Json body;
  body["version"] = 1;
  body["receiver"] = escape_utf8(receiver);
  body["status"] = status_of(parts);
  body["severity"] = to_string(first.severity);
  body["summary"] = escape_utf8(summary_of(parts));
  body["group_key"] = escape_utf8(group.key);
  body["title"] = escape_utf8(first.title);
  body["text"] = escape_utf8(first.text);
  body["run"] = run_json(first.run);
  body["counts"] = {{"critical", counts.critical},
                    {"warning", counts.warning},
                    {"info", counts.info},
                    {"resolved", counts.resolved}};
  body["alerts"] = alerts_json(parts);
  return dump(body);
}

Result<WebhookTemplate> WebhookTemplate::parse(std::string_view text) {
  const std::string doing = "reading the template";
  Json tree;
  try {
    tree = Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail(ErrorCode::invalid_input, doing,
                fmt::format("it is no JSON, from character {} on", error.byte),
                "placeholders stand inside strings: {\"text\": \"{{summary}}\"}");
  }
  if (!tree.is_structured())
    return fail(ErrorCode::invalid_input, doing, "it is neither an object nor a list");
  if (Error problem = check(tree); !problem.what.empty())
    return fail(ErrorCode::invalid_input, doing, problem.what, problem.advice);
  return WebhookTemplate(std::move(tree));
}

std::string WebhookTemplate::body(const NotificationGroup& group, std::string_view receiver) const {
  const Parts parts = present_parts(group);
  if (parts.empty()) return {};
  const Transition none;
  const Notification& first = *parts.front();
  const Transition& t = about_alert(first) ? first.transitions.front() : none;
  return dump(filled(tree_, {parts, group, receiver, first, t}));
}

std::vector<std::pair<std::string_view, std::string_view>> webhook_fields() {
  std::vector<std::pair<std::string_view, std::string_view>> all{
      {"alerts", "the list of all alerts, as in the default body"}};
  for (const Field& field : kFields) all.emplace_back(field.name, field.doc);
  return all;
}

Verdict classify_webhook_answer(const SinkAnswer& answer, Time now) {
  return classify_http_answer(answer, now,
                              {.denied = "it asks for other credentials, or does not accept the signature",
                               .not_found = "check the receiver's URL"});
}

}  // namespace redflag::alerts
