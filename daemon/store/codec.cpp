#include "daemon/store/codec.h"

#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/json_number.h"
#include "daemon/runs/json_text.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

json number(double value) {
  return alerts::json_number<json>(value);
}

double number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  const auto& text = value.get_ref<const std::string&>();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

json time_json(Time time) {
  return time.time_since_epoch().count();
}

Time time_of(const json& object, const char* key) {
  return Time{Duration{object.value(key, std::int64_t{0})}};
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json optional_number(const std::optional<double>& value) {
  return value ? number(*value) : json(nullptr);
}

std::optional<double> optional_number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return number_of(*found);
}

/// Runs a decoder; whatever nlohmann throws at a damaged record becomes an error that names it.
template <typename Decode>
auto guarded(const char* what, const std::string& text, Decode decode) -> Result<decltype(decode(json()))> {
  try {
    return decode(json::parse(text));
  } catch (const std::exception& error) {
    return fail(ErrorCode::storage, std::string("reading a kept ") + what, error.what());
  }
}

json transition_to_json(const Transition& t) {
  json evidence = json::array();
  for (const Evidence& item : t.evidence) {
    json recent = json::array();
    for (const double value : item.recent) recent.push_back(number(value));
    evidence.push_back({{"metric", item.metric},
                        {"original", item.original},
                        {"value", number(item.value)},
                        {"recent", recent}});
  }
  json out{{"id", t.id},
           {"rule", t.rule},
           {"pack", t.pack},
           {"severity", to_string(t.severity)},
           {"kind", to_string(t.subject.kind)},
           {"key", t.subject.key},
           {"run", t.run},
           {"from", to_string(t.from)},
           {"to", to_string(t.to)},
           {"time", time_json(t.time)},
           {"step", t.step},
           {"since", time_json(t.since)},
           {"since_step", t.since_step},
           {"attempt", t.attempt},
           {"value", optional_number(t.value)},
           {"threshold", optional_number(t.threshold)},
           {"comparison", t.comparison},
           {"message", t.message},
           {"hint", t.hint},
           {"reason", t.reason},
           {"evidence", evidence}};
  if (t.escalated_from) out["escalated_from"] = to_string(*t.escalated_from);
  return out;
}

Transition transition_from_json(const json& in) {
  Transition t;
  t.id = in.at("id").get<std::string>();
  t.rule = in.at("rule").get<std::string>();
  t.pack = in.value("pack", "");
  t.severity = severity_from(in.value("severity", "")).value_or(Severity::warning);
  if (in.contains("escalated_from")) t.escalated_from = severity_from(in.value("escalated_from", ""));
  t.subject = {subject_kind_from(in.value("kind", "")).value_or(SubjectKind::run), in.value("key", "")};
  t.run = in.value("run", "");
  t.from = alert_state_from(in.value("from", "")).value_or(AlertState::inactive);
  t.to = alert_state_from(in.value("to", "")).value_or(AlertState::inactive);
  t.time = time_of(in, "time");
  t.step = in.value("step", std::int64_t{-1});
  t.since = time_of(in, "since");
  t.since_step = in.value("since_step", std::int64_t{-1});
  t.attempt = in.value("attempt", 1U);
  t.value = optional_number_of(in, "value");
  t.threshold = optional_number_of(in, "threshold");
  t.comparison = in.value("comparison", "");
  t.message = in.value("message", "");
  t.hint = in.value("hint", "");
  t.reason = in.value("reason", "");
  for (const json& item : in.value("evidence", json::array())) {
    Evidence evidence{item.value("metric", ""), item.value("original", ""), number_of(item.at("value")), {}};
    for (const json& value : item.value("recent", json::array())) evidence.recent.push_back(number_of(value));
    t.evidence.push_back(std::move(evidence));
  }
  return t;
}

}  // namespace

std::string encode_run(const RunInfo& run) {
  json out{{"key", run.key},
           {"id", run.id},
           {"name", run.name},
           {"url", run.url},
           {"project", run.project},
           {"group", run.group},
           {"job_type", run.job_type},
           {"tags", run.tags},
           {"state", to_string(run.state)},
           {"created_at", time_json(run.created_at)},
           {"heartbeat_at", time_json(run.heartbeat_at)},
           {"config", run.config},
           {"task", run.task},
           {"method", run.method},
           {"historic", run.historic}};
  if (run.seed) out["seed"] = *run.seed;
  return dump(out);
}

Result<RunInfo> decode_run(const std::string& text) {
  return guarded("run", text, [](const json& in) {
    RunInfo run;
    run.key = in.at("key").get<std::string>();
    run.id = in.value("id", "");
    run.name = in.value("name", "");
    run.url = in.value("url", "");
    run.project = in.value("project", "");
    run.group = in.value("group", "");
    run.job_type = in.value("job_type", "");
    run.tags = in.value("tags", std::vector<std::string>{});
    run.state = run_state_from(in.value("state", ""));
    run.created_at = time_of(in, "created_at");
    run.heartbeat_at = time_of(in, "heartbeat_at");
    run.config = in.value("config", json::object());
    run.task = in.value("task", "");
    run.method = in.value("method", "");
    run.historic = in.value("historic", false);
    if (in.contains("seed")) run.seed = in.at("seed").get<std::int64_t>();
    return run;
  });
}

/// The one record that is written for every row: without a tree.
std::string encode_samples(const std::vector<Sample>& samples) {
  std::string out = "{";
  const auto add_number = [&](double value) {
    if (std::isfinite(value)) {
      fmt::format_to(std::back_inserter(out), "{}", value);
    } else {
      out += dump(number(value));
    }
  };
  for (const Sample& sample : samples) {
    if (out.size() > 1) out += ',';
    out += json_text(sample.metric) + ':';
    if (sample.original.empty() || sample.original == sample.metric) {
      add_number(sample.value);
    } else {
      out += '[';
      add_number(sample.value);
      out += ',' + json_text(sample.original) + ']';
    }
  }
  return out += '}';
}

Result<std::vector<Sample>> decode_samples(const std::string& text) {
  return guarded("row", text, [](const json& in) {
    std::vector<Sample> samples;
    samples.reserve(in.size());
    for (const auto& [metric, value] : in.items()) {
      if (value.is_array()) {
        samples.push_back({metric, number_of(value.at(0)), value.at(1).get<std::string>()});
      } else {
        samples.push_back({metric, number_of(value), {}});
      }
    }
    return samples;
  });
}

std::string encode_attributes(const Attributes& attributes) {
  json out = json::object();
  for (const auto& [name, value] : attributes) {
    if (const auto* flag = std::get_if<bool>(&value)) {
      out[name] = *flag;
    } else if (const auto* real = std::get_if<double>(&value)) {
      out[name] = std::isfinite(*real) ? json(*real) : json{{"number", number(*real)}};
    } else {
      out[name] = std::get<std::string>(value);
    }
  }
  return dump(out);
}

Result<Attributes> decode_attributes(const std::string& text) {
  return guarded("fact", text, [](const json& in) {
    Attributes attributes;
    for (const auto& [name, value] : in.items()) {
      if (value.is_boolean()) {
        attributes.emplace_back(name, value.get<bool>());
      } else if (value.is_number()) {
        attributes.emplace_back(name, value.get<double>());
      } else if (value.is_object()) {
        attributes.emplace_back(name, number_of(value.at("number")));
      } else {
        attributes.emplace_back(name, value.get<std::string>());
      }
    }
    return attributes;
  });
}

std::string encode_alert(const alerts::Alert& alert) {
  return dump({{"last", transition_to_json(alert.last)},
               {"fired_at", time_json(alert.fired_at)},
               {"ended_at", time_json(alert.ended_at)},
               {"worst", to_string(alert.worst)},
               {"run_name", alert.run_name},
               {"quiet", alert.quiet},
               {"muted_by", alert.muted_by},
               {"told_first", time_json(alert.told_first)},
               {"told_at", time_json(alert.told_at)},
               {"told_severity", to_string(alert.told_severity)},
               {"told_age", alert.told_age.count()},
               {"acknowledged",
                {{"at", time_json(alert.acknowledged.at)},
                 {"by", alert.acknowledged.by},
                 {"comment", alert.acknowledged.comment},
                 {"severity", to_string(alert.acknowledged.severity)}}}});
}

Result<alerts::Alert> decode_alert(const std::string& text) {
  return guarded("alert", text, [](const json& in) {
    alerts::Alert alert;
    alert.last = transition_from_json(in.at("last"));
    alert.fired_at = time_of(in, "fired_at");
    alert.ended_at = time_of(in, "ended_at");
    alert.worst = severity_from(in.value("worst", "")).value_or(Severity::warning);
    alert.run_name = in.value("run_name", "");
    alert.quiet = in.value("quiet", false);
    alert.muted_by = in.value("muted_by", "");
    alert.told_first = time_of(in, "told_first");
    alert.told_at = time_of(in, "told_at");
    alert.told_severity = severity_from(in.value("told_severity", "")).value_or(Severity::info);
    alert.told_age = Duration{in.value("told_age", Duration::rep{0})};
    if (const auto ack = in.find("acknowledged"); ack != in.end() && ack->is_object()) {
      alert.acknowledged = {time_of(*ack, "at"), ack->value("by", ""), ack->value("comment", ""),
                            severity_from(ack->value("severity", "")).value_or(Severity::info)};
    }
    return alert;
  });
}

std::string encode_silence(const alerts::Silence& silence) {
  json matchers = json::array();
  for (const alerts::Matcher& matcher : silence.matchers) matchers.push_back(alerts::to_string(matcher));
  return dump({{"id", silence.id},
               {"matchers", std::move(matchers)},
               {"starts", time_json(silence.starts)},
               {"ends", time_json(silence.ends)},
               {"comment", silence.comment},
               {"author", silence.author},
               {"created", time_json(silence.created)}});
}

Result<alerts::Silence> decode_silence(const std::string& text) {
  return guarded("silence", text, [](const json& in) {
    alerts::Silence silence;
    silence.id = in.at("id").get<std::string>();
    for (const json& matcher : in.at("matchers")) {
      auto parsed = alerts::parse_matcher(matcher.get<std::string>());
      if (!parsed) throw std::runtime_error(parsed.error().text());  // a silence without it would mute more
      silence.matchers.push_back(std::move(*parsed));
    }
    silence.starts = time_of(in, "starts");
    silence.ends = time_of(in, "ends");
    silence.comment = in.value("comment", "");
    silence.author = in.value("author", "");
    silence.created = time_of(in, "created");
    return silence;
  });
}

std::string encode_message(const alerts::OutboxMessage& message) {
  // Its id is kept, so that it is not announced again; what it said is with its alerts.
  const bool sent = message.state == alerts::MessageState::sent;
  return dump({{"id", message.id},
               {"channel", message.channel},
               {"alert_ids", message.alert_ids},
               {"payload", sent ? std::string() : message.payload},
               {"fallback", sent ? std::string() : message.fallback},
               {"created", time_json(message.created)},
               {"state", static_cast<int>(message.state)},
               {"attempts", message.attempts},
               {"revision", message.revision},
               {"not_before", time_json(message.not_before)},
               {"last_error", message.last_error},
               {"undurable", message.undurable}});
}

Result<alerts::OutboxMessage> decode_message(const std::string& text) {
  return guarded("message", text, [](const json& in) {
    alerts::OutboxMessage message;
    message.id = in.at("id").get<std::string>();
    message.channel = in.value("channel", "");
    message.alert_ids = in.value("alert_ids", std::vector<std::string>{});
    message.payload = in.value("payload", "");
    message.fallback = in.value("fallback", "");
    message.created = time_of(in, "created");
    message.state = static_cast<alerts::MessageState>(in.value("state", 0));
    message.attempts = in.value("attempts", 0U);
    message.revision = in.value("revision", 0U);
    message.not_before = time_of(in, "not_before");
    message.last_error = in.value("last_error", "");
    message.undurable = in.value("undurable", false);
    return message;
  });
}

}  // namespace redflag::daemon
