// W&B's GraphQL types as far as its Python client and redflag ask for them. Field names and meanings were
// read in the public SDK's queries (releases 0.16 to 0.18).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/simulator/graphql_executor.h"
#include "daemon/simulator/wandb_run.h"

namespace redflag::daemon::wandb_schema {

struct SimulatedProject {
  std::string entity;
  std::string name;
  Time created;
  std::vector<std::unique_ptr<SimulatedRun>> runs;
};

using Projects = std::map<std::pair<std::string, std::string>, SimulatedProject>;

/// What one request works on. Objects keep references to it: it lives as long as the execution.
struct Context {
  const Projects& projects;
  Time now;
  std::string username;
  std::string entity;      ///< default entity of the viewer
  std::string public_url;  ///< "http://127.0.0.1:4711", for links to files
  std::optional<std::string>
      history_fails_for;             ///< run id, or "" for all: their history fields answer an error
  std::vector<std::string> touched;  ///< ids of runs whose history was asked for
  bool history_failed = false;
};

graphql::ObjectPtr query_object(Context& context);
graphql::ObjectPtr project_object(Context& context, const SimulatedProject& project);
graphql::ObjectPtr run_object(Context& context, const SimulatedRun& run);
/// `__type(name:)`; null when there is no such type.
graphql::Value describe_type(Context& context, const std::string& name);

/// Objects whose fields are member functions in one table.
template <typename Self>
class TableObject : public graphql::Object {
 public:
  struct Entry {
    graphql::FieldInfo info;
    Result<graphql::Value> (Self::*resolve)(const nlohmann::json& arguments) const;
  };

  std::string_view type() const override { return Self::kType; }
  const std::vector<graphql::FieldInfo>& fields() const override {
    static const std::vector<graphql::FieldInfo> list = [] {
      std::vector<graphql::FieldInfo> infos;
      for (const Entry& entry : Self::table()) infos.push_back(entry.info);
      return infos;
    }();
    return list;
  }
  Result<graphql::Value> resolve(std::string_view field, const nlohmann::json& arguments) const override {
    for (const Entry& entry : Self::table()) {
      if (entry.info.name == field) return (static_cast<const Self*>(this)->*entry.resolve)(arguments);
    }
    return fail(ErrorCode::not_found, "answering a query", "no such field");
  }
};

/// What the service calls a run or project: base64 of "Run:v1:ID:PROJECT:ENTITY".
std::string global_id(const std::string& text);
/// Standard base64, padded.
std::string base64(std::string_view text);

/// `edges { node cursor } pageInfo { endCursor hasNextPage }` of part of a list.
graphql::Value connection(const std::string& type, std::vector<std::pair<graphql::Value, std::string>> nodes,
                          bool has_next);

/// Argument as text or number; the fallback when it is missing or of another kind.
std::string text_argument(const nlohmann::json& arguments, const char* name, std::string fallback = {});
std::int64_t number_argument(const nlohmann::json& arguments, const char* name, std::int64_t fallback);

}  // namespace redflag::daemon::wandb_schema
