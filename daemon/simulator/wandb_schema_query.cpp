// The root of the schema: who asks, which projects there are, and the introspection that the client uses to
// probe the server.
#include <algorithm>

#include <openssl/evp.h>

#include "daemon/simulator/wandb_schema.h"

namespace redflag::daemon::wandb_schema {
namespace {

using graphql::record;
using graphql::Value;
using nlohmann::json;

class QueryObject : public TableObject<QueryObject> {
 public:
  static constexpr std::string_view kType = "Query";
  explicit QueryObject(Context& context) : context_(context) {}

  static const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {{"viewer", {}}, &QueryObject::viewer},
        {{"project", {"name", "entityName"}}, &QueryObject::project},
        {{"model", {"name", "entityName"}}, &QueryObject::project},
        {{"projects", {"entityName", "first", "after"}}, &QueryObject::projects},
        {{"models", {"entityName", "first", "after"}}, &QueryObject::projects},
        {{"entity", {"name"}}, &QueryObject::entity},
        {{"serverInfo", {}}, &QueryObject::server_info},
        {{"__type", {"name"}}, &QueryObject::type_of_name},
        {{"__schema", {}}, &QueryObject::schema},
    };
    return entries;
  }

 private:
  Result<Value> viewer(const json&) const {
    const Value team = record("TeamEdge", {{"node", record("Team", {{"name", json(context_.entity)}})}});
    return record("User", {
                              {"id", json(base64("User:1"))},
                              {"flags", json("{}")},
                              {"entity", json(context_.entity)},
                              {"username", json(context_.username)},
                              {"name", json(context_.username)},
                              {"email", json(context_.username + "@example.org")},
                              {"admin", json(false)},
                              {"apiKeys", record("ApiKeyConnection", {{"edges", std::vector<Value>{}}})},
                              {"teams", record("TeamConnection", {{"edges", std::vector<Value>{team}}})},
                          });
  }

  Result<Value> project(const json& arguments) const {
    const auto key =
        std::pair{text_argument(arguments, "entityName", context_.entity), text_argument(arguments, "name")};
    const auto found = context_.projects.find(key);
    return found == context_.projects.end() ? Value{json(nullptr)}
                                            : Value{project_object(context_, found->second)};
  }

  Result<Value> projects(const json& arguments) const {
    const std::string entity = text_argument(arguments, "entityName", context_.entity);
    const std::string after = text_argument(arguments, "after");
    const std::int64_t first = std::clamp<std::int64_t>(number_argument(arguments, "first", 50), 0, 1000);
    std::vector<std::pair<Value, std::string>> nodes;
    bool more = false;
    bool started = after.empty();
    for (const auto& [key, project] : context_.projects) {
      if (key.first != entity) continue;
      const std::string cursor = base64(project.name);
      if (started && static_cast<std::int64_t>(nodes.size()) == first) more = true;
      if (started && !more) nodes.emplace_back(project_object(context_, project), cursor);
      if (cursor == after) started = true;
    }
    return connection("Project", std::move(nodes), more);
  }

  Result<Value> entity(const json& arguments) const {
    const std::string name = text_argument(arguments, "name", context_.entity);
    return record("Entity", {{"id", json(base64("Entity:" + name))}, {"name", json(name)}});
  }

  Result<Value> server_info(const json&) const {
    return record("ServerInfo", {
                                    {"cliVersionInfo", json{{"max_cli_version", "0.30.0"}}},
                                    {"features", std::vector<Value>{}},
                                    {"latestLocalVersionInfo", json(nullptr)},
                                });
  }

  Result<Value> type_of_name(const json& arguments) const {
    return describe_type(context_, text_argument(arguments, "name"));
  }

  Result<Value> schema(const json&) const {
    std::vector<Value> types;
    for (const char* name : {"Query", "Project", "Run", "Mutation"})
      types.push_back(describe_type(context_, name));
    return record("__Schema", {
                                  {"queryType", describe_type(context_, "Query")},
                                  {"mutationType", describe_type(context_, "Mutation")},
                                  {"subscriptionType", json(nullptr)},
                                  {"types", std::move(types)},
                              });
  }

  Context& context_;
};

}  // namespace

graphql::ObjectPtr query_object(Context& context) {
  return std::make_shared<QueryObject>(context);
}

Value describe_type(Context& context, const std::string& name) {
  std::vector<Value> fields;
  graphql::ObjectPtr example;
  const SimulatedProject no_project;
  const SimulatedRun no_run{"", "", {}};
  if (name == "Query") {
    example = query_object(context);
  } else if (name == "Project") {
    example = project_object(context, no_project);
  } else if (name == "Run") {
    example = run_object(context, no_run);
  } else if (name != "Mutation") {
    return json(nullptr);
  }
  if (example != nullptr) {
    for (const auto& field : example->fields()) {
      std::vector<Value> arguments;
      for (const auto& argument : field.arguments) {
        arguments.push_back(
            record("__InputValue", {{"name", json(argument)}, {"description", json(nullptr)}}));
      }
      fields.push_back(record("__Field", {{"name", json(field.name)},
                                          {"description", json(nullptr)},
                                          {"isDeprecated", json(false)},
                                          {"args", std::move(arguments)}}));
    }
  }
  return record("__Type", {{"kind", json("OBJECT")},
                           {"name", json(name)},
                           {"description", json(nullptr)},
                           {"fields", std::move(fields)},
                           {"inputFields", json(nullptr)},
                           {"enumValues", json(nullptr)}});
}

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string global_id(const std::string& text) {
  return base64(text);
}

Value connection(const std::string& type, std::vector<std::pair<Value, std::string>> nodes, bool has_next) {
  const json end = nodes.empty() ? json(nullptr) : json(nodes.back().second);
  std::vector<Value> edges;
  edges.reserve(nodes.size());
  for (auto& [node, cursor] : nodes) {
    edges.push_back(record(type + "Edge", {{"node", std::move(node)}, {"cursor", json(cursor)}}));
  }
  return record(type + "Connection",
                {{"edges", std::move(edges)},
                 {"pageInfo", record("PageInfo", {{"endCursor", end}, {"hasNextPage", json(has_next)}})}});
}

std::string text_argument(const json& arguments, const char* name, std::string fallback) {
  const auto it = arguments.find(name);
  return it != arguments.end() && it->is_string() ? it->get<std::string>() : std::move(fallback);
}

std::int64_t number_argument(const json& arguments, const char* name, std::int64_t fallback) {
  const auto it = arguments.find(name);
  if (it == arguments.end() || !it->is_number()) return fallback;
  if (it->is_number_integer()) return it->get<std::int64_t>();
  const double value = it->get<double>();
  return value > -9e15 && value < 9e15 ? static_cast<std::int64_t>(value) : fallback;
}

}  // namespace redflag::daemon::wandb_schema
