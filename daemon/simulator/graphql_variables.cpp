// Section 6.1.2 of the GraphQL specification, for the scalar types that W&B's schema has.
#include "daemon/simulator/graphql_variables.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redflag::daemon::graphql {
namespace {

using nlohmann::json;

bool is_whole(const json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>();
}

/// Types that we do not know (input objects) take anything.
bool fits(const json& value, const std::string& type) {
  if (type == "Int" || type == "Int64") return is_whole(value);
  if (type == "Float") return value.is_number();
  if (type == "Boolean") return value.is_boolean();
  if (type == "String" || type == "JSONString") return value.is_string();
  if (type == "ID") return value.is_string() || value.is_number_integer();
  return true;
}

json coerce(json value, const VariableDefinition& definition, int list_depth) {
  if (value.is_null()) return value;
  if (list_depth > 0) {
    json list = json::array();
    if (!value.is_array()) value = json::array({std::move(value)});
    for (json& item : value) list.push_back(coerce(std::move(item), definition, list_depth - 1));
    return list;
  }
  if (!fits(value, definition.type)) {
    throw Refused{fmt::format("Variable \"${}\" got an invalid value: it is not a {}.", definition.name,
                              definition.type)};
  }
  return value;
}

const VariableDefinition* find(const std::vector<VariableDefinition>& definitions, const std::string& name) {
  const auto it = std::find_if(definitions.begin(), definitions.end(),
                               [&](const auto& each) { return each.name == name; });
  return it == definitions.end() ? nullptr : &*it;
}

template <typename T>
json number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Refused{"A number is out of range: " + text};
  return value;
}

json to_json(const Literal& literal, const std::vector<VariableDefinition>& definitions,
             const json& variables) {
  switch (literal.kind) {
    case Literal::Kind::null:
      return nullptr;
    case Literal::Kind::boolean:
      return literal.text == "true";
    case Literal::Kind::integer:
      return number<std::int64_t>(literal.text);
    case Literal::Kind::real:
      return number<double>(literal.text);
    case Literal::Kind::string:
    case Literal::Kind::enumeration:
      return literal.text;
    case Literal::Kind::list: {
      json list = json::array();
      for (const Literal& item : literal.items) list.push_back(to_json(item, definitions, variables));
      return list;
    }
    case Literal::Kind::object: {
      json object = json::object();
      for (const LiteralField& field : literal.fields)
        object[field.name] = to_json(field.value, definitions, variables);
      return object;
    }
    case Literal::Kind::variable: {
      if (find(definitions, literal.text) == nullptr) {
        throw Refused{fmt::format("Variable \"${}\" is not defined.", literal.text)};
      }
      const auto it = variables.find(literal.text);
      return it == variables.end() ? json(nullptr) : *it;
    }
  }
  return nullptr;
}

}  // namespace

json coerce_variables(const std::vector<VariableDefinition>& definitions, const json& given) {
  if (!given.is_null() && !given.is_object()) throw Refused{"Variables must be provided as an object."};
  json values = json::object();
  for (const VariableDefinition& definition : definitions) {
    const auto it = given.is_object() ? given.find(definition.name) : given.end();
    json value;
    bool present = given.is_object() && it != given.end();
    if (present) {
      value = coerce(*it, definition, definition.list_depth);
    } else if (definition.fallback) {
      value = coerce(to_json(*definition.fallback, {}, json::object()), definition, definition.list_depth);
      present = true;
    }
    if (definition.required && value.is_null()) {
      throw Refused{fmt::format("Variable \"${}\" of required type \"{}!\" was not provided.",
                                definition.name, definition.type)};
    }
    if (present) values[definition.name] = std::move(value);
  }
  return values;
}

json to_arguments(const std::vector<LiteralField>& fields, const std::vector<VariableDefinition>& definitions,
                  const json& variables) {
  json arguments = json::object();
  for (const LiteralField& field : fields) {
    json value = to_json(field.value, definitions, variables);
    if (!value.is_null()) arguments[field.name] = std::move(value);
  }
  return arguments;
}

bool is_included(const std::vector<Directive>& directives, const std::vector<VariableDefinition>& definitions,
                 const json& variables) {
  bool included = true;
  for (const Directive& directive : directives) {
    if (directive.name != "include" && directive.name != "skip") {
      throw Refused{fmt::format("Unknown directive \"@{}\".", directive.name)};
    }
    const json arguments = to_arguments(directive.arguments, definitions, variables);
    const auto condition = arguments.find("if");
    if (condition == arguments.end() || !condition->is_boolean()) {
      throw Refused{fmt::format("Directive \"@{}\" needs a Boolean argument \"if\".", directive.name)};
    }
    included = included && condition->get<bool>() == (directive.name == "include");
  }
  return included;
}

}  // namespace redflag::daemon::graphql
