// Sections: unknown, repeated, missing and misplaced keys; lists and their short forms.
#include "daemon/config/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/config/mask.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon::settings {
namespace {

constexpr std::size_t kMaxItems = 1000;

std::string section_name(const std::string& prefix) {
  return prefix.empty() ? "at the top level" : fmt::format("in \"{}\"", prefix.substr(0, prefix.size() - 1));
}

const NodePtr* find_entry(const Node& map, std::string_view name) {
  for (const auto& [key, value] : map.entries) {
    if (key->type == Node::Type::scalar && key->text == name) return &value;
  }
  return nullptr;
}

}  // namespace

void SectionReader::set_origin(const std::string& path, const Place& place) {
  origins_[path] = {SettingOrigin::Kind::file, source_.name(), place.line + 1, source_.column(place)};
}

void SectionReader::unknown_key(const Section& section, const Node& key_node, const std::string& prefix) {
  const std::string& name = key_node.text;
  if (names_secret(name)) {
    const bool slack = name.find("hook") != std::string::npos;
    const bool proxy = name.find("pass") != std::string::npos && prefix == "network.";
    const bool receiver = prefix.starts_with("alerts.receivers[");
    const std::string_view own = name.find("secret") != std::string::npos ? "secret" : "token";
    values_.error(key_node.place,
                  fmt::format("{} would put a secret into this file (it is not shown here)", in_quotes(name)),
                  slack ? "put the URL into a file that only redflagd can read, and name it: webhook_file: "
                          "/etc/redflag/slack_webhook"
                  : receiver
                      ? fmt::format("put it into a file that only redflagd can read, and name it: {0}_file: "
                                    "/etc/redflag/{0}",
                                    own)
                  : proxy ? "a proxy's password goes into HTTPS_PROXY in the environment of the service"
                          : "put the key into a file that only redflagd can read, and name it: api_key_file: "
                            "/etc/redflag/wandb_api_key");
    return;
  }
  if (name == "<<") {
    values_.error(key_node.place, "merge keys (<<) are not understood",
                  "repeat the keys; an alias can stand for a whole value");
    return;
  }
  std::string help;
  const std::string_view near = nearest(name, section.names());
  const std::vector<std::string> elsewhere = near.empty() ? paths_named(name) : std::vector<std::string>{};
  if (!near.empty())
    help = fmt::format("did you mean \"{}\"?", near);
  else if (!elsewhere.empty())
    help = fmt::format("that key is {}", elsewhere.front());
  else
    help = fmt::format("the keys are {}", one_of(section.names()));
  values_.error(key_node.place, fmt::format("unknown key {} {}", in_quotes(name), section_name(prefix)),
                help);
}

void SectionReader::read(const Section& section, const Node& map, void* object, const std::string& prefix) {
  // Before anything of this section is shown: a misspelt "api_key" holds a key, too.
  for (const auto& [key_node, value] : map.entries) {
    if (section.find(key_node->text) == nullptr && may_name_secret(key_node->text))
      source_.hide(value->place.line, value->place.byte);
  }
  std::map<std::string_view, std::size_t> first_line;
  for (const auto& [key_node, value] : map.entries) {
    if (key_node->type != Node::Type::scalar) {
      values_.error(key_node->place, fmt::format("a key {} must be a single word", section_name(prefix)));
      continue;
    }
    const std::string& name = key_node->text;
    const auto [seen, fresh] = first_line.emplace(name, key_node->place.line);
    if (!fresh) {
      values_.error(key_node->place,
                    fmt::format("{} is given twice {}", in_quotes(name), section_name(prefix)),
                    fmt::format("it is already on line {}; remove one of the two", seen->second + 1));
      continue;
    }
    const Key* key = section.find(name);
    if (key == nullptr)
      unknown_key(section, *key_node, prefix);
    else
      read_entry(*key, *key_node, *value, object, prefix + name);
  }
}

void SectionReader::read_entry(const Key& key, const Node& key_node, const Node& value, void* object,
                               const std::string& path) {
  // yaml-cpp marks "nothing" at whatever comes next; the key is the better place to point at.
  Node here = value;
  if (value.type == Node::Type::null) here.place = key_node.place;
  if (key.kind == Kind::section) {
    if (value.type == Node::Type::null) return;  // a section whose keys are all commented out
    if (value.type != Node::Type::map) {
      const bool list_like = value.type == Node::Type::list || value.type == Node::Type::scalar;
      const auto list = std::find_if(
          key.section->keys.begin(), key.section->keys.end(),
          [](const Key& inner) { return inner.kind == Kind::section_list || inner.kind == Kind::text_list; });
      values_.wrong_type(here, path, describe_kind(key.kind),
                         list_like && list != key.section->keys.end()
                             ? fmt::format("is it meant as {}.{}?", path, list->name)
                             : fmt::format("its keys are {}", one_of(key.section->names())));
      return;
    }
    set_origin(path, key_node.place);
    read(*key.section, value, key.child(object), path + ".");
    return;
  }
  if (key.kind == Kind::section_list) {
    if (value.type == Node::Type::null) return;
    set_origin(path, key_node.place);
    read_list(key, here, object, path);
    return;
  }
  if (std::optional<Value> read = values_.read(key, here, path)) {
    key.set(object, std::move(*read));
    set_origin(path, here.place);
  }
}

void SectionReader::read_list(const Key& key, const Node& value, void* object, const std::string& path) {
  if (value.type == Node::Type::scalar && key.shorthand != nullptr) {  // one item needs no list
    read_item(key, value, object, path + "[0]");
    return;
  }
  if (value.type != Node::Type::list) {
    values_.wrong_type(value, path, describe_kind(key.kind),
                       value.type == Node::Type::map ? "put \"- \" before the first key of each item" : "");
    return;
  }
  if (value.items.size() > kMaxItems) {
    values_.error(value.place, fmt::format("{} has more than {} items", path, kMaxItems));
    return;
  }
  for (std::size_t i = 0; i < value.items.size(); ++i)
    read_item(key, *value.items[i], object, fmt::format("{}[{}]", path, i));
}

void SectionReader::read_item(const Key& key, const Node& item, void* object, const std::string& path) {
  void* into = key.append(object);
  set_defaults(*key.section, into);
  set_origin(path, item.place);
  if (item.type == Node::Type::map) {
    read(*key.section, item, into, path + ".");
    check_item(*key.section, item, path + ".");
    return;
  }
  if (item.type == Node::Type::scalar && key.shorthand != nullptr) {
    for (auto& [name, text] : key.shorthand(item.text)) {
      const Key* inner = key.section->find(name);
      Node part = item;
      part.text = std::move(text);
      if (inner != nullptr) read_entry(*inner, item, part, into, path + "." + std::string(name));
    }
    return;
  }
  values_.wrong_type(item, path,
                     key.shorthand == nullptr ? fmt::format("a map of {}", one_of(key.section->names()))
                                              : fmt::format("\"{}\" or a map of {}", key.shorthand_doc,
                                                            one_of(key.section->names())));
}

/// Keys that an item needs, and keys that do not belong to an item of its type.
void SectionReader::check_item(const Section& section, const Node& item, const std::string& prefix) {
  const NodePtr* type = find_entry(item, "type");
  for (const Key& key : section.keys) {
    // A misspelt key has been reported as such.
    const bool misspelt = std::any_of(item.entries.begin(), item.entries.end(), [&](const auto& entry) {
      return section.find(entry.first->text) == nullptr &&
             nearest(entry.first->text, section.names()) == key.name;
    });
    if (key.required && !misspelt && find_entry(item, key.name) == nullptr)
      values_.error(
          item.place, fmt::format("{} lacks its key \"{}\"", prefix.substr(0, prefix.size() - 1), key.name),
          key.choices.empty() ? std::string() : fmt::format("add {}: {}", key.name, one_of(key.choices)));
  }
  const Key* type_key = section.find("type");
  if (type == nullptr || type_key == nullptr) return;
  const auto& types = type_key->choices;
  if (std::find(types.begin(), types.end(), (*type)->text) == types.end()) return;  // reported already
  for (const auto& [key_node, value] : item.entries) {
    const Key* key = key_node->type == Node::Type::scalar ? section.find(key_node->text) : nullptr;
    if (key == nullptr || key->belongs((*type)->text)) continue;
    values_.error(key_node->place,
                  fmt::format("\"{}\" has no meaning for a receiver of type {}", key->name, (*type)->text),
                  fmt::format("it belongs to type {}", one_of(key->only_for)));
  }
}

}  // namespace redflag::daemon::settings
