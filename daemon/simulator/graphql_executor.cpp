// Section 6 of the GraphQL specification without non-null types. A query is hostile until proven otherwise:
// fragments can make a short text ask for an exponential number of fields, so every field and fragment looked
// at is counted.
#include "daemon/simulator/graphql_executor.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "daemon/simulator/graphql_variables.h"

namespace redflag::daemon::graphql {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFields = 200000;
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

/// Fields that are answered under one name; several when fragments ask for the same thing.
struct FieldGroup {
  std::string key;
  std::vector<const Selection*> nodes;
};

class Execution {
 public:
  Execution(const Document& document, const Operation& operation, json variables)
      : document_(document), operation_(operation), variables_(std::move(variables)) {}

  json run(const ObjectPtr& query) {
    json data = object(*query, collect(query->type(), {&operation_.selections}), 0);
    json body = {{"data", std::move(data)}};
    if (!errors_.empty()) body["errors"] = std::move(errors_);
    return body;
  }

 private:
  static std::size_t weight(const json& leaf) {
    return leaf.is_string() ? leaf.get_ref<const std::string&>().size() : sizeof(json) * (1 + leaf.size());
  }

  void count(std::size_t bytes) {
    answer_bytes_ += bytes;
    if (++visited_ > kMaxFields || answer_bytes_ > kMaxAnswerBytes)
      throw Refused{"The query asks for too much."};
  }

  std::vector<FieldGroup> collect(std::string_view type,
                                  const std::vector<const std::vector<Selection>*>& sets) {
    std::vector<FieldGroup> groups;
    std::set<std::string, std::less<>> spread;
    for (const auto* selections : sets) collect_into(type, *selections, groups, spread, 0);
    return groups;
  }

  void collect_into(std::string_view type, const std::vector<Selection>& selections,
                    std::vector<FieldGroup>& groups, std::set<std::string, std::less<>>& spread, int depth) {
    if (depth > kMaxDepth) throw Refused{"Fragments are nested too deeply."};
    for (const Selection& selection : selections) {
      count(0);
      if (!is_included(selection.directives, operation_.variables, variables_)) continue;
      if (selection.kind == Selection::Kind::field) {
        add(selection, groups);
      } else if (selection.kind == Selection::Kind::inline_fragment) {
        if (selection.on.empty() || selection.on == type) {
          collect_into(type, selection.selections, groups, spread, depth + 1);
        }
      } else {
        const auto fragment = document_.fragments.find(selection.name);
        if (fragment == document_.fragments.end())
          throw Refused{fmt::format("Unknown fragment \"{}\".", selection.name)};
        if (fragment->second.on == type && spread.insert(selection.name).second) {
          collect_into(type, fragment->second.selections, groups, spread, depth + 1);
        }
      }
    }
  }

  static void add(const Selection& field, std::vector<FieldGroup>& groups) {
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const auto& each) { return each.key == field.alias; });
    if (same == groups.end()) {
      if (groups.size() > 2000) throw Refused{"Too many fields on one object."};
      groups.push_back({field.alias, {&field}});
      return;
    }
    if (same->nodes.front()->name != field.name) {
      throw Refused{fmt::format("Fields \"{}\" conflict: two different fields under one name.", field.alias)};
    }
    same->nodes.push_back(&field);
  }

  json arguments_of(const FieldGroup& group) const {
    json arguments = to_arguments(group.nodes.front()->arguments, operation_.variables, variables_);
    for (std::size_t i = 1; i < group.nodes.size(); ++i) {
      if (to_arguments(group.nodes[i]->arguments, operation_.variables, variables_) != arguments) {
        throw Refused{fmt::format("Fields \"{}\" conflict: they have differing arguments.", group.key)};
      }
    }
    return arguments;
  }

  static void check_arguments(const FieldInfo& field, const json& arguments, std::string_view type) {
    for (const auto& [name, value] : arguments.items()) {
      if (std::find(field.arguments.begin(), field.arguments.end(), name) == field.arguments.end()) {
        throw Refused{fmt::format("Unknown argument \"{}\" on field \"{}.{}\".", name, type, field.name)};
      }
    }
  }

  json object(const Object& from, const std::vector<FieldGroup>& groups, int depth) {
    json out = json::object();
    for (const FieldGroup& group : groups) {
      const std::string& name = group.nodes.front()->name;
      if (name == "__typename") {
        out[group.key] = std::string{from.type()};
        continue;
      }
      const auto& fields = from.fields();
      const auto field =
          std::find_if(fields.begin(), fields.end(), [&](const auto& each) { return each.name == name; });
      if (field == fields.end()) {
        throw Refused{fmt::format("Cannot query field \"{}\" on type \"{}\".", name, from.type())};
      }
      const json arguments = arguments_of(group);
      check_arguments(*field, arguments, from.type());
      path_.emplace_back(group.key);
      auto value = from.resolve(name, arguments);
      if (value) {
        out[group.key] = complete(*value, group, depth);
      } else {
        out[group.key] = nullptr;
        errors_.push_back({{"message", value.error().what}, {"path", path_}});
      }
      path_.pop_back();
    }
    return out;
  }

  json record(const Record& from, const std::vector<FieldGroup>& groups, int depth) {
    json out = json::object();
    for (const FieldGroup& group : groups) {
      const std::string& name = group.nodes.front()->name;
      if (name == "__typename") {
        out[group.key] = from.type;
        continue;
      }
      const auto field = std::find_if(from.fields.begin(), from.fields.end(),
                                      [&](const auto& each) { return each.first == name; });
      if (field == from.fields.end()) {
        throw Refused{fmt::format("Cannot query field \"{}\" on type \"{}\".", name, from.type)};
      }
      path_.emplace_back(group.key);
      out[group.key] = complete(field->second, group, depth);
      path_.pop_back();
    }
    return out;
  }

  static std::vector<const std::vector<Selection>*> selections_of(const FieldGroup& group) {
    std::vector<const std::vector<Selection>*> sets;
    for (const Selection* node : group.nodes) sets.push_back(&node->selections);
    return sets;
  }

  json complete(const Value& value, const FieldGroup& group, int depth) {
    if (depth > kMaxDepth) throw Refused{"The query is nested too deeply."};
    const bool selects = !group.nodes.front()->selections.empty();
    if (const auto* leaf = std::get_if<json>(&value.content)) {
      if (selects && !leaf->is_null()) {
        throw Refused{fmt::format("Field \"{}\" must not have a selection: it has no subfields.", group.key)};
      }
      count(weight(*leaf));
      return *leaf;
    }
    if (const auto* list = std::get_if<std::vector<Value>>(&value.content)) {
      json out = json::array();
      for (std::size_t i = 0; i < list->size(); ++i) {
        path_.emplace_back(i);
        out.push_back(complete((*list)[i], group, depth + 1));
        path_.pop_back();
      }
      return out;
    }
    if (!selects) throw Refused{fmt::format("Field \"{}\" must have a selection of subfields.", group.key)};
    if (const auto* object = std::get_if<ObjectPtr>(&value.content)) {
      if (*object == nullptr) return nullptr;
      return this->object(**object, collect((*object)->type(), selections_of(group)), depth + 1);
    }
    const auto& record = std::get<RecordPtr>(value.content);
    if (record == nullptr) return nullptr;
    return this->record(*record, collect(record->type, selections_of(group)), depth + 1);
  }

  const Document& document_;
  const Operation& operation_;
  json variables_;
  json errors_ = json::array();
  std::vector<json> path_;
  std::size_t visited_ = 0;
  std::size_t answer_bytes_ = 0;
};

const Operation& choose(const Document& document, std::string_view name) {
  if (name.empty()) {
    if (document.operations.size() == 1) return document.operations.front();
    throw Refused{"Must provide operation name if query contains multiple operations."};
  }
  for (const Operation& operation : document.operations) {
    if (operation.name == name) return operation;
  }
  throw Refused{"Unknown operation name."};
}

}  // namespace

json errors_body(const std::string& message) {
  return {{"errors", json::array({{{"message", message}}})}};
}

Outcome execute(const Document& document, std::string_view operation_name, const json& variables,
                const ObjectPtr& query) {
  try {
    const Operation& operation = choose(document, operation_name);
    if (operation.kind != "query") throw Refused{fmt::format("This server answers no {}.", operation.kind)};
    Execution execution{document, operation, coerce_variables(operation.variables, variables)};
    return {true, execution.run(query)};
  } catch (const Refused& refused) {
    return {false, errors_body(refused.message)};
  }
}

}  // namespace redflag::daemon::graphql
