#include "daemon/runs/run_info.h"

#include <array>
#include <utility>

#include "daemon/runs/json_number.h"
#include "daemon/runs/run_likeness.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<RunState, std::string_view>, 9> kStates{{
    {RunState::unknown, "unknown"},
    {RunState::pending, "pending"},
    {RunState::running, "running"},
    {RunState::finished, "finished"},
    {RunState::failed, "failed"},
    {RunState::crashed, "crashed"},
    {RunState::killed, "killed"},
    {RunState::preempting, "preempting"},
    {RunState::preempted, "preempted"},
}};

constexpr std::size_t kMaxAttributes = 1000;
constexpr std::size_t kMaxTextBytes = 500;
constexpr int kMaxDepth = 6;

void add_config(const json& object, const std::string& prefix, int depth, Attributes& out) {
  for (const auto& [key, value] : object.items()) {
    if (out.size() >= kMaxAttributes) return;
    const std::string name = prefix + '.' + key;
    if (value.is_object()) {
      if (depth < kMaxDepth) add_config(value, name, depth + 1, out);
    } else if (value.is_boolean()) {
      out.emplace_back(name, value.get<bool>());
    } else if (const auto number = number_from(value)) {
      out.emplace_back(name, *number);
    } else if (const auto* text = value.get_ptr<const std::string*>()) {
      if (text->size() <= kMaxTextBytes) out.emplace_back(name, *text);
    }
  }
}

}  // namespace

std::string_view to_string(RunState state) {
  for (const auto& [value, name] : kStates) {
    if (value == state) return name;
  }
  return "unknown";
}

RunState run_state_from(std::string_view name) {
  for (const auto& [value, text] : kStates) {
    if (text == name) return value;
  }
  return RunState::unknown;
}

bool has_ended(RunState state) {
  switch (state) {
    case RunState::finished:
    case RunState::failed:
    case RunState::crashed:
    case RunState::killed:
    case RunState::preempted:
      return true;
    case RunState::unknown:
    case RunState::pending:
    case RunState::running:
    case RunState::preempting:
      return false;
  }
  return false;
}

Time last_sign(const RunInfo& run) {
  return run.heartbeat_at != Time{} ? run.heartbeat_at : run.created_at;
}

Observation run_facts(const RunInfo& run, std::string source, Time time) {
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::run, run.key};
  facts.run = run.key;
  facts.source = std::move(source);
  facts.time = time;
  Attributes& out = facts.attributes;
  const auto add_text = [&](const char* name, const std::string& text) {
    if (!text.empty()) out.emplace_back(name, text);
  };
  add_text("name", run.name);
  add_text("id", run.id);
  add_text("project", run.project);
  add_text("group", run.group);
  add_text("job_type", run.job_type);
  out.emplace_back("state", std::string(to_string(run.state)));
  out.emplace_back("ended", has_ended(run.state));
  out.emplace_back("historic", run.historic);
  add_text("task", run.task);
  add_text("method", run.method);
  add_text("config_digest", config_digest(run.config));
  add_text("label", run_label(run));
  if (run.seed) out.emplace_back("seed", static_cast<double>(*run.seed));
  if (run.created_at != Time{}) out.emplace_back("created_at", to_unix_seconds(run.created_at));
  if (run.heartbeat_at != Time{}) out.emplace_back("heartbeat_at", to_unix_seconds(run.heartbeat_at));
  for (const auto& tag : run.tags) out.emplace_back("tag." + tag, true);
  if (run.config.is_object()) add_config(run.config, "config", 0, out);
  return facts;
}

}  // namespace redflag::daemon
