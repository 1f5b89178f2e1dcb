// As much of JSON Schema as docs/openapi.json uses.
#pragma once

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace redflag::test {

/// Why `value` does not fit `schema`, with its place; empty when it does. `strict`: a key that the schema
/// does not name does not fit, unless it names none at all.
inline std::string misfit(const nlohmann::json& document, const nlohmann::json& schema,
                          const nlohmann::json& value, bool strict = false, const std::string& place = "$") {
  using nlohmann::json;
  const auto wrong = [&](const std::string& what) {
    return place + ": " + what + ", and is " +
           value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 200);
  };
  if (const auto to = schema.find("$ref"); to != schema.end())
    return misfit(document, document.at(json::json_pointer(to->get<std::string>().substr(1))), value, strict,
                  place);
  if (const auto all = schema.find("allOf"); all != schema.end()) {
    for (const json& one : *all) {
      if (std::string why = misfit(document, one, value, strict, place); !why.empty()) return why;
    }
  }
  if (const auto any = schema.find("anyOf"); any != schema.end()) {
    const bool fits = std::any_of(any->begin(), any->end(), [&](const json& one) {
      return misfit(document, one, value, strict, place).empty();
    });
    if (!fits) return wrong("fits none of its forms");
  }
  if (const auto words = schema.find("enum"); words != schema.end()) {
    if (std::find(words->begin(), words->end(), value) == words->end())
      return wrong("is no word of " + words->dump());
  }
  const std::string type = schema.value("type", "");
  const bool fits = type.empty() || (type == "object" && value.is_object()) ||
                    (type == "array" && value.is_array()) || (type == "string" && value.is_string()) ||
                    (type == "boolean" && value.is_boolean()) ||
                    (type == "integer" && value.is_number_integer()) ||
                    (type == "number" && value.is_number()) || (type == "null" && value.is_null());
  if (!fits) return wrong("has to be of type " + type);
  if (schema.contains("minimum") && value.is_number() && value < schema["minimum"])
    return wrong("is too small");
  if (schema.contains("minItems") && value.size() < schema["minItems"]) return wrong("has too few entries");
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string at = place + "[" + std::to_string(i) + "]";
      if (std::string why = misfit(document, schema["items"], value[i], strict, at); !why.empty()) return why;
    }
  }
  if (!value.is_object()) return {};
  for (const json& name : schema.value("required", json::array())) {
    if (!value.contains(name.get<std::string>())) return wrong("lacks " + name.get<std::string>());
  }
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, member] : value.items()) {
    const auto known = properties.find(name);
    if (known == properties.end()) {
      if (strict && !properties.empty()) return place + ": has a key that nobody was told of: " + name;
      continue;
    }
    if (std::string why = misfit(document, *known, member, strict, place + "." + name); !why.empty())
      return why;
  }
  return {};
}

}  // namespace redflag::test
