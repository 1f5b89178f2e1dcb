#include "rules/engine/instance_json.h"

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

}  // namespace

std::string instance_json(const SubjectState& subject, const CompiledRule& rule, const Instance& instance,
                          std::uint64_t rows) {
  json holds = json::array();
  for (std::size_t i = 0; i < instance.holds.size() && i < rule.levels.size(); ++i) {
    const Hold& hold = instance.holds[i];
    if (!hold.active) continue;
    holds.push_back({{"severity", to_string(rule.levels[i].severity)},
                     {"met", hold.met},
                     {"since", us(hold.since)},
                     {"since_step", hold.since_step},
                     {"rows", hold.rows}});
  }
  const json value{{"v", 1},
                   {"state", to_string(instance.state)},
                   {"severity", to_string(instance.severity)},
                   {"id", instance.id},
                   {"since", us(instance.since)},
                   {"since_step", instance.since_step},
                   {"attempt", instance.attempt},
                   {"message", instance.message},
                   {"run", subject.run},
                   {"pack", rule.pack},
                   {"rows", rows},
                   {"mark", us(subject.mark)},
                   {"holds", std::move(holds)}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
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
