// A project: lists of its runs, filtered, ordered and in pages.
#include <algorithm>

#include "daemon/simulator/mongo_filter.h"
#include "daemon/simulator/wandb_schema.h"

namespace redflag::daemon::wandb_schema {
namespace {

using graphql::record;
using graphql::Value;
using nlohmann::json;

constexpr std::int64_t kMaxPage = 1000;

/// "a.b.c" in an object, also where a key has dots of its own ("train/loss.max").
bool find_path(const json& object, std::string_view path, json& out) {
  if (!object.is_object()) return false;
  if (const auto whole = object.find(std::string{path}); whole != object.end()) {
    out = *whole;
    return true;
  }
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const auto part = object.find(std::string{path.substr(0, dot)});
    if (part != object.end() && find_path(*part, path.substr(dot + 1), out)) return true;
  }
  return false;
}

bool look_up(const SimulatedRun& run, Time now, std::string_view field, json& out) {
  const RunScript& info = run.info();
  const auto rest_after = [&](std::string_view prefix) {
    return field.substr(0, prefix.size()) == prefix ? field.substr(prefix.size()) : std::string_view{};
  };
  if (const auto rest = rest_after("config."); !rest.empty()) {
    if (find_path(info.config, rest, out)) return true;
    const bool wrapped = rest.size() > 6 && rest.substr(rest.size() - 6) == ".value";
    return wrapped && find_path(info.config, rest.substr(0, rest.size() - 6), out);
  }
  for (const std::string_view prefix : {"summary_metrics.", "summaryMetrics."}) {
    if (const auto rest = rest_after(prefix); !rest.empty()) return find_path(run.summary(now), rest, out);
  }
  const auto set = [&](json value) {
    out = std::move(value);
    return true;
  };
  if (field == "state") return set(run.state(now));
  if (field == "name") return set(run.id());
  if (field == "displayName" || field == "display_name") return set(info.name);
  if (field == "createdAt" || field == "created_at") return set(to_rfc3339(info.created));
  if (field == "heartbeatAt" || field == "heartbeat_at") return set(to_rfc3339(run.heartbeat(now)));
  if (field == "tags") return set(info.tags);
  if (field == "group") return !info.group.empty() && set(info.group);
  if (field == "jobType" || field == "job_type") return !info.job_type.empty() && set(info.job_type);
  if (field == "sweep") return !info.sweep.empty() && set(info.sweep);
  if (field == "username") return set(info.user);
  return false;
}

/// By one key; runs without it come last, and equal ones stay in the order of their creation and id.
void sort_runs(std::vector<const SimulatedRun*>& runs, Time now, std::string order) {
  const bool down = !order.empty() && order.front() == '-';
  if (!order.empty() && (order.front() == '-' || order.front() == '+')) order.erase(0, 1);
  std::vector<std::pair<json, const SimulatedRun*>> keyed;
  keyed.reserve(runs.size());
  for (const SimulatedRun* run : runs) {
    json key;
    if (!look_up(*run, now, order, key)) key = nullptr;
    keyed.emplace_back(std::move(key), run);
  }
  // NaN in a summary is the text "NaN": ranks keep the order strict whatever the types.
  const auto rank = [](const json& key) {
    return key.is_number() || key.is_boolean() ? 0 : (key.is_string() ? 1 : 2);
  };
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    if (rank(a.first) != rank(b.first)) return rank(a.first) < rank(b.first);
    const int compared = rank(a.first) == 2 || a.first.type() != b.first.type()
                             ? 0
                             : compare_values(a.first, b.first).value_or(0);
    if (compared != 0) return down ? compared > 0 : compared < 0;
    return down ? a.second->id() > b.second->id() : a.second->id() < b.second->id();
  });
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i] = keyed[i].second;
}

class ProjectObject : public TableObject<ProjectObject> {
 public:
  static constexpr std::string_view kType = "Project";
  ProjectObject(Context& context, const SimulatedProject& project) : context_(context), project_(project) {}

  static const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {{"id", {}}, &ProjectObject::id},
        {{"internalId", {}}, &ProjectObject::internal_id},
        {{"name", {}}, &ProjectObject::name},
        {{"entityName", {}}, &ProjectObject::entity_name},
        {{"entity", {}}, &ProjectObject::entity},
        {{"createdAt", {}}, &ProjectObject::created_at},
        {{"description", {}}, &ProjectObject::nothing},
        {{"access", {}}, &ProjectObject::access},
        {{"isBenchmark", {}}, &ProjectObject::no},
        {{"readOnly", {}}, &ProjectObject::no},
        {{"runCount", {"filters"}}, &ProjectObject::run_count},
        {{"run", {"name"}}, &ProjectObject::run},
        {{"bucket", {"name"}}, &ProjectObject::run},
        {{"runs", {"filters", "first", "after", "order"}}, &ProjectObject::runs},
    };
    return entries;
  }

 private:
  Result<Value> id(const json&) const {
    return json(global_id("Project:v1:" + project_.name + ":" + project_.entity));
  }
  Result<Value> internal_id(const json&) const { return json(base64("ProjectInternalId:" + project_.name)); }
  Result<Value> name(const json&) const { return json(project_.name); }
  Result<Value> entity_name(const json&) const { return json(project_.entity); }
  Result<Value> entity(const json&) const {
    return record("Entity",
                  {{"id", json(base64("Entity:" + project_.entity))}, {"name", json(project_.entity)}});
  }
  Result<Value> created_at(const json&) const { return json(to_rfc3339(project_.created)); }
  Result<Value> nothing(const json&) const { return json(nullptr); }
  Result<Value> access(const json&) const { return json("PRIVATE"); }
  Result<Value> no(const json&) const { return json(false); }

  Result<std::vector<const SimulatedRun*>> matching(const json& arguments) const {
    const auto filter = MongoFilter::parse(text_argument(arguments, "filters"));
    if (!filter) return tl::unexpected<Error>(filter.error());
    std::vector<const SimulatedRun*> runs;
    for (const auto& run : project_.runs) {
      if (!run->exists(context_.now)) continue;
      const auto lookup = [&](std::string_view field, json& out) {
        return look_up(*run, context_.now, field, out);
      };
      if (filter->matches(lookup)) runs.push_back(run.get());
    }
    return runs;
  }

  Result<Value> run_count(const json& arguments) const {
    const auto runs = matching(arguments);
    if (!runs) return tl::unexpected<Error>(runs.error());
    return json(runs->size());
  }

  Result<Value> run(const json& arguments) const {
    const std::string id = text_argument(arguments, "name");
    for (const auto& run : project_.runs) {
      if (run->id() == id && run->exists(context_.now)) return run_object(context_, *run);
    }
    return json(nullptr);
  }

  Result<Value> runs(const json& arguments) const {
    auto runs = matching(arguments);
    if (!runs) return tl::unexpected<Error>(runs.error());
    sort_runs(*runs, context_.now, text_argument(arguments, "order", "-created_at"));
    const std::string after = text_argument(arguments, "after");
    auto at = runs->begin();
    if (!after.empty()) {
      at =
          std::find_if(at, runs->end(), [&](const auto* run) { return base64("run:" + run->id()) == after; });
      if (at == runs->end()) return fail(ErrorCode::invalid_input, "listing runs", "invalid cursor");
      ++at;
    }
    const std::int64_t first = std::clamp<std::int64_t>(number_argument(arguments, "first", 50), 0, kMaxPage);
    std::vector<std::pair<Value, std::string>> nodes;
    for (; at != runs->end() && static_cast<std::int64_t>(nodes.size()) < first; ++at) {
      nodes.emplace_back(run_object(context_, **at), base64("run:" + (*at)->id()));
    }
    return connection("Run", std::move(nodes), at != runs->end());
  }

  Context& context_;
  const SimulatedProject& project_;
};

}  // namespace

graphql::ObjectPtr project_object(Context& context, const SimulatedProject& project) {
  return std::make_shared<ProjectObject>(context, project);
}

}  // namespace redflag::daemon::wandb_schema
