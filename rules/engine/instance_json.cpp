#include "rules/engine/instance_json.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redflag {
namespace {

using nlohmann::json;

std::int64_t us(Time time) {
  return time.time_since_epoch().count();
}

Time time_from(const json& value) {
  return Time{Duration(value.get<std::int64_t>())};
}

Severity severity_in(const json& value) {
  const auto severity = severity_from(value.get<std::string>());
  if (!severity) throw json::other_error::create(501, "severity", nullptr);
  return *severity;
}

void append_string(std::string& out, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

}  // namespace

// Written by hand, keys in the order of their names: a thousand alerts at once are a thousand of these, and a
// tree of nodes for each would cost more than the evaluation of their rules.
std::string instance_json(const SubjectState& subject, const CompiledRule& rule, const Instance& instance,
                          std::uint64_t rows) {
  std::string out;
  out.reserve(384);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"attempt":{},"holds":[)", instance.attempt);
  bool first = true;
  for (std::size_t i = 0; i < instance.holds.size() && i < rule.levels.size(); ++i) {
    const Hold& hold = instance.holds[i];
    if (!hold.active) continue;
    fmt::format_to(to, R"({}{{"met":{},"rows":{},"severity":"{}","since":{},"since_step":{}}})",
                   first ? "" : ",", hold.met, hold.rows, to_string(rule.levels[i].severity), us(hold.since),
                   hold.since_step);
    first = false;
  }
  out += R"(],"id":)";
  append_string(out, instance.id);
  fmt::format_to(to, R"(,"mark":{},"message":)", us(subject.mark));
  append_string(out, instance.message);
  out += R"(,"pack":)";
  append_string(out, rule.pack);
  fmt::format_to(to, R"(,"rows":{},"run":)", rows);
  append_string(out, subject.run);
  fmt::format_to(to, R"(,"severity":"{}","since":{},"since_step":{},"state":"{}","v":1}})",
                 to_string(instance.severity), us(instance.since), instance.since_step,
                 to_string(instance.state));
  return out;
}

std::optional<KeptInstance> instance_from_json(const std::string& text) {
  try {
    const json value = json::parse(text);
    KeptInstance kept;
    const auto state = alert_state_from(value.at("state").get<std::string>());
    if (!state || (*state != AlertState::pending && *state != AlertState::firing)) return std::nullopt;
    kept.instance.state = *state;
    kept.instance.severity = severity_in(value.at("severity"));
    kept.instance.id = value.at("id").get<std::string>();
    kept.instance.since = time_from(value.at("since"));
    kept.instance.since_step = value.at("since_step").get<std::int64_t>();
    kept.instance.attempt = value.at("attempt").get<std::uint32_t>();
    kept.instance.message = value.at("message").get<std::string>();
    kept.run = value.at("run").get<std::string>();
    kept.pack = value.at("pack").get<std::string>();
    kept.rows = value.at("rows").get<std::uint64_t>();
    for (const json& entry : value.at("holds")) {
      Hold hold{true, entry.at("met").get<bool>(), time_from(entry.at("since")),
                entry.at("since_step").get<std::int64_t>(), entry.at("rows").get<std::uint64_t>()};
      kept.holds.emplace_back(severity_in(entry.at("severity")), hold);
    }
    return kept;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace redflag
