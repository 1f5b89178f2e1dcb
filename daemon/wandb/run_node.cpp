#include "daemon/wandb/run_node.h"

#include <algorithm>

#include "daemon/runs/json_number.h"
#include "daemon/runs/relaxed_json.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTags = 200;

const json* field(const json& node, const char* name) {
  if (!node.is_object()) return nullptr;
  const auto found = node.find(name);
  return found == node.end() ? nullptr : &*found;
}

std::string text_field(const json& node, const char* name) {
  const json* value = field(node, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string{};
}

void take_text(const json& node, const char* name, std::string& out) {
  const json* value = field(node, name);
  if (value == nullptr) return;
  if (value->is_string()) out = value->get<std::string>();
  if (value->is_null()) out.clear();
}

void take_time(const json& node, const char* name, Time& out) {
  if (const auto time = parse_rfc3339(text_field(node, name))) out = *time;
}

/// W&B keeps each setting as {"value": x, "desc": …}.
json unwrapped(json config) {
  json plain = json::object();
  for (auto& [key, value] : config.items()) {
    if (key == "_wandb" || key == "wandb_version") continue;
    const bool wrapped = value.is_object() && value.contains("value") && value.size() <= 2 &&
                         (value.size() == 1 || value.contains("desc"));
    plain[key] = wrapped ? std::move(value["value"]) : std::move(value);
  }
  return plain;
}

}  // namespace

std::string node_id(const json& node) {
  return text_field(node, "name");
}

json node_object(const json& node, const char* name) {
  const json* value = field(node, name);
  if (value == nullptr) return json::object();
  if (value->is_object()) return *value;
  if (const auto* text = value->get_ptr<const std::string*>()) {
    auto parsed = parse_relaxed_json(*text, name);
    if (parsed && parsed->is_object()) return std::move(*parsed);
  }
  return json::object();
}

void apply_node(const json& node, RunInfo& run) {
  take_text(node, "displayName", run.name);
  if (run.name.empty()) run.name = run.id;
  take_text(node, "group", run.group);
  take_text(node, "jobType", run.job_type);
  if (const json* state = field(node, "state")) {
    run.state = state->is_string() ? run_state_from(state->get<std::string>()) : RunState::unknown;
  }
  take_time(node, "createdAt", run.created_at);
  take_time(node, "heartbeatAt", run.heartbeat_at);
  if (const json* tags = field(node, "tags")) {
    run.tags.clear();
    if (tags->is_array()) {
      for (const auto& tag : *tags) {
        if (tag.is_string() && run.tags.size() < kMaxTags) run.tags.push_back(tag.get<std::string>());
      }
    }
  }
  if (field(node, "config") != nullptr) run.config = unwrapped(node_object(node, "config"));
  derive_identity(run);
}

std::optional<std::int64_t> node_last_step(const json& node) {
  const json* keys = field(node, "historyKeys");
  if (keys == nullptr) return std::nullopt;
  if (keys->is_null()) return -1;
  const json object = node_object(node, "historyKeys");
  const auto last = object.find("lastStep");
  if (last == object.end()) return -1;
  if (const auto step = step_from(*last)) return *step;
  return -1;
}

const json* project_of(const GraphqlAnswer& answer) {
  const auto project = answer.data.find("project");
  return project != answer.data.end() && project->is_object() ? &*project : nullptr;
}

const GraphqlProblem* problem_of(const GraphqlAnswer& answer, const std::string& alias) {
  const GraphqlProblem* anywhere = nullptr;
  for (const auto& problem : answer.problems) {
    if (std::find(problem.path.begin(), problem.path.end(), alias) != problem.path.end()) return &problem;
    if (problem.path.empty()) anywhere = &problem;
  }
  return anywhere;
}

ListingPage listing_page(json& project) {
  ListingPage page;
  if (const auto count = project.find("runCount"); count != project.end()) {
    page.run_count = step_from(*count).value_or(-1);
  }
  const auto runs = project.find("runs");
  if (runs == project.end() || !runs->is_object()) return page;
  const auto edges = runs->find("edges");
  if (edges != runs->end() && edges->is_array()) {
    for (auto& edge : *edges) {
      if (!edge.is_object()) continue;
      const auto node = edge.find("node");
      if (node != edge.end() && node->is_object()) page.nodes.push_back(std::move(*node));
    }
  }
  if (const json* info = field(*runs, "pageInfo")) {
    page.end_cursor = text_field(*info, "endCursor");
    const json* next = field(*info, "hasNextPage");
    page.has_next = next != nullptr && next->is_boolean() && next->get<bool>() && !page.end_cursor.empty();
  }
  return page;
}

}  // namespace redflag::daemon
