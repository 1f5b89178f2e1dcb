// Looking keys up, and defaults: each default goes through the same reader as a value from a file.
#include "daemon/config/schema.h"

#include <cstdlib>

#include <fmt/format.h>

#include "daemon/config/value_reader.h"
#include "daemon/config/values.h"

namespace redflag::daemon::settings {
namespace {

bool has_value(Kind kind) {
  return kind != Kind::section && kind != Kind::section_list;
}

Value read_default(const Key& key) {
  SourceText source("the default of " + std::string(key.name), "value: " + std::string(key.fallback) + "\n");
  ConfigDiagnostics found;
  const NodePtr root = read_yaml(source, found);
  if (root && root->type == Node::Type::map && !root->entries.empty()) {
    const ConfigContext nowhere;
    ValueReader reader(source, found, nowhere);
    if (auto value = reader.read(key, *root->entries[0].second, key.name); value && found.list.empty())
      return std::move(*value);
  }
  fmt::print(stderr, "the configuration's schema is wrong\n{}", found.text());
  std::abort();
}

void find_paths(const Section& section, const std::string& prefix, std::string_view name,
                std::vector<std::string>& into) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    if (key.name == name) into.push_back(path);
    if (key.section != nullptr)
      find_paths(*key.section, path + (key.kind == Kind::section_list ? "[]." : "."), name, into);
  }
}

}  // namespace

std::string_view describe_kind(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "a whole number";
    case Kind::number:
      return "a number";
    case Kind::duration:
      return "a duration such as \"15s\"";
    case Kind::size:
      return "a size such as \"64MiB\"";
    case Kind::text:
      return "text";
    case Kind::choice:
      return "one word";
    case Kind::path:
      return "a path";
    case Kind::url:
      return "a URL";
    case Kind::text_list:
      return "a list of texts";
    case Kind::scalar_map:
      return "a map of names to single values";
    case Kind::alias_map:
      return "a map of metric names to lists of names";
    case Kind::section:
      return "a section of keys";
    case Kind::section_list:
      return "a list";
  }
  return "a value";
}

Section::Section(std::vector<Key> all) : keys(std::move(all)) {
  for (Key& key : keys) {
    if (has_value(key.kind) && !key.fallback.empty()) key.default_value = read_default(key);
  }
}

const Key* Section::find(std::string_view name) const {
  for (const Key& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string_view> Section::names() const {
  std::vector<std::string_view> all;
  for (const Key& key : keys) all.push_back(key.name);
  return all;
}

std::vector<std::string> paths_named(std::string_view name) {
  std::vector<std::string> found;
  find_paths(schema(), "", name, found);
  return found;
}

void set_defaults(const Section& section, void* object) {
  for (const Key& key : section.keys) {
    if (key.kind == Kind::section) set_defaults(*key.section, key.child(object));
    if (has_value(key.kind) && !key.fallback.empty()) key.set(object, key.default_value);
  }
}

std::string to_yaml(const Key& key, const Value& value) {
  struct Writer {
    Kind kind;
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return format_number(number); }
    std::string operator()(Duration duration) const { return format_duration(duration); }
    std::string operator()(ByteSize size) const { return format_size(size); }
    std::string operator()(const std::string& text) const {
      return kind == Kind::url && !text.empty() ? text : yaml_text(text);
    }
    std::string operator()(const std::vector<std::string>& texts) const {
      std::string list;
      for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + yaml_text(text);
      return "[" + list + "]";
    }
    std::string operator()(const ConfigScalarMap& map) const {
      std::string body;
      for (const auto& [name, scalar] : map)
        body += fmt::format("{}{}: {}", body.empty() ? "" : ", ", yaml_text(name), yaml_scalar(scalar));
      return "{" + body + "}";
    }
    std::string operator()(const MetricAliasMap& map) const {
      std::string body;
      for (const auto& [name, aliases] : map) {
        std::string list;
        for (const MetricAliasConfig& alias : aliases) {
          list += list.empty() ? "" : ", ";
          list += alias.scale == 1.0 ? yaml_text(alias.name)
                                     : fmt::format("{{name: {}, scale: {}}}", yaml_text(alias.name),
                                                   format_number(alias.scale));
        }
        body += fmt::format("{}{}: [{}]", body.empty() ? "" : ", ", yaml_text(name), list);
      }
      return "{" + body + "}";
    }
  };
  return std::visit(Writer{key.kind}, value);
}

}  // namespace redflag::daemon::settings
