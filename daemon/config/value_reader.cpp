// One value, one key: type, range, allowed words. No message quotes what may be a secret: see mask.h.
#include "daemon/config/value_reader.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "daemon/config/mask.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon::settings {
namespace {

constexpr std::size_t kMaxItems = 1000;
using Level = ConfigDiagnostic::Level;

tl::unexpected<Complaint> refuse(std::string problem, std::string help = {}) {
  return tl::unexpected<Complaint>(Complaint{std::move(problem), std::move(help)});
}

/// A comparable number of a value with a range: itself, microseconds, or bytes.
std::optional<double> magnitude(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* duration = std::get_if<Duration>(&value)) return static_cast<double>(duration->count());
  if (const auto* size = std::get_if<ByteSize>(&value)) return static_cast<double>(size->bytes);
  return std::nullopt;
}

template <typename T>
Parsed<Value> as_value(Parsed<T> parsed) {
  if (!parsed) return tl::unexpected<Complaint>(std::move(parsed.error()));
  return Value(std::move(*parsed));
}

Parsed<Value> parse_kind(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::boolean:
      return as_value(parse_boolean(text));
    case Kind::integer:
      return as_value(parse_integer(text));
    case Kind::number:
      return as_value(parse_number(text));
    case Kind::duration:
      return as_value(parse_duration(text));
    case Kind::size:
      return as_value(parse_size(text));
    case Kind::url:
      return as_value(parse_url(text));
    default:
      return Value(std::string(text));
  }
}

}  // namespace

std::string_view describe_node(const Node& node) {
  switch (node.type) {
    case Node::Type::null:
      return "nothing";
    case Node::Type::scalar:
      return "a single value";
    case Node::Type::list:
      return "a list";
    case Node::Type::map:
      return "a map";
  }
  return "a value";
}

void ValueReader::error(const Place& place, std::string message, std::string help) {
  found_.list.push_back(source_.diagnose(Level::error, place, std::move(message), std::move(help)));
}

void ValueReader::warning(const Place& place, std::string message, std::string help) {
  found_.list.push_back(source_.diagnose(Level::warning, place, std::move(message), std::move(help)));
}

void ValueReader::wrong_type(const Node& node, std::string_view path, std::string_view wanted,
                             std::string help) {
  error(node.place, fmt::format("{} must be {}, not {}", path, wanted, describe_node(node)), std::move(help));
}

Parsed<Value> ValueReader::check_path(const Key& key, std::string_view text) const {
  if (std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end())
    return Value(std::string(text));
  if (text.empty() && key.fallback == "\"\"") return Value(std::string());
  if (text.empty()) return refuse("must not be empty");
  if (key.secret_path && (!secret_shapes(text).empty() || text.find("://") != std::string_view::npos))
    return refuse("must be the path of a file, not the secret itself (which is not shown here)",
                  "put the secret into a file that only redflagd can read, and name that file");
  if (text.find("://") != std::string_view::npos || holds_secret(text))
    return refuse("must be a path on this machine, not a URL");
  std::string path(text);
  if (path == "~" || path.starts_with("~/")) {
    const std::string home = home_directory(context_.env);
    if (home.empty()) return refuse("begins with ~, but HOME is not set", "write the whole path");
    path = home + path.substr(1);
  } else if (path.front() == '~') {
    return refuse("begins with ~ and a name, which is not understood", "write the whole path");
  } else if (path.front() != '/') {
    if (context_.base_directory.empty()) return Value(path);
    path = context_.base_directory + "/" + path;
  }
  path = std::filesystem::path(path).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return Value(std::move(path));
}

Parsed<Value> ValueReader::check(const Key& key, std::string_view written, bool is_quoted) const {
  std::string text(written);
  if (key.lines) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
  }
  if (const std::string problem = text_problem(text); !problem.empty()) return refuse(problem);
  if (key.kind == Kind::text && (holds_secret(text) || is_wandb_key(text)))
    return refuse("looks like a secret (which is not shown here)",
                  "put it into a file that only redflagd can read, and name that file");
  const bool typed = key.kind == Kind::boolean || key.kind == Kind::integer || key.kind == Kind::number;
  if (typed && is_quoted) {
    if (parse_kind(key.kind, text))
      return refuse(fmt::format("must be {}, not text", describe_kind(key.kind)), "remove the quotes");
  }
  if (key.kind == Kind::path) return check_path(key, text);
  if (key.kind == Kind::url && text.empty() && key.fallback == "\"\"") return Value(std::string());
  if (key.kind == Kind::url && std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end())
    return Value(std::string(text));
  if (key.kind == Kind::choice) {
    if (std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end())
      return Value(std::string(text));
    const std::string_view near = nearest(text, key.choices);
    return refuse(fmt::format("must be {}, not {}", one_of(key.choices), in_quotes(text)),
                  near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  }
  if (key.kind == Kind::text && text.empty() && key.fallback != "\"\"") return refuse("must not be empty");
  Parsed<Value> value = parse_kind(key.kind, text);
  if (!value) return value;
  if (const auto number = magnitude(*value)) {
    const auto low = key.minimum.empty() ? std::nullopt : magnitude(*parse_kind(key.kind, key.minimum));
    const auto high = key.maximum.empty() ? std::nullopt : magnitude(*parse_kind(key.kind, key.maximum));
    if (low && *number < *low)
      return refuse(fmt::format("must be at least {}, not {}", key.minimum, shown(text)),
                    fmt::format("allowed are {} to {}", key.minimum, key.maximum));
    if (high && *number > *high)
      return refuse(fmt::format("must be at most {}, not {}", key.maximum, shown(text)),
                    fmt::format("allowed are {} to {}", key.minimum, key.maximum));
  }
  return value;
}

std::optional<Value> ValueReader::read(const Key& key, const Node& node, std::string_view path) {
  switch (key.kind) {
    case Kind::text_list:
      return read_texts(key, node, path);
    case Kind::scalar_map:
      return read_scalars(node, path);
    case Kind::alias_map:
      return read_aliases(node, path);
    default:
      break;
  }
  if (node.type == Node::Type::null) {
    const bool has_default = !key.fallback.empty() && key.fallback != "\"\"";
    error(node.place, fmt::format("{} has no value", path),
          has_default ? fmt::format("give one, or remove the key to get the default, {}", key.fallback)
                      : "give one, or remove the key");
    return std::nullopt;
  }
  if (node.type != Node::Type::scalar) {
    wrong_type(node, path, describe_kind(key.kind));
    return std::nullopt;
  }
  Parsed<Value> value = check(key, node.text, node.quoted);
  if (value) return std::move(*value);
  error(node.place, fmt::format("{} {}", path, value.error().problem), value.error().help);
  return std::nullopt;
}

std::optional<std::string> ValueReader::plain_text(const Node& node, std::string_view path) {
  if (node.type != Node::Type::scalar) {
    wrong_type(node, path, "text");
    return std::nullopt;
  }
  std::string problem = node.text.empty() ? "must not be empty" : text_problem(node.text);
  if (holds_secret(node.text)) problem = "looks like a secret (which is not shown here)";
  if (problem.empty()) return node.text;
  error(node.place, fmt::format("{} {}", path, problem));
  return std::nullopt;
}

std::optional<Value> ValueReader::read_texts(const Key& key, const Node& node, std::string_view path) {
  std::vector<std::string> texts;
  if (node.type == Node::Type::null) return Value(std::move(texts));
  if (node.type == Node::Type::map) {
    wrong_type(node, path, describe_kind(key.kind), fmt::format("write it as {}: [one, two]", key.name));
    return std::nullopt;
  }
  if (node.items.size() > kMaxItems) {
    error(node.place, fmt::format("{} has more than {} entries", path, kMaxItems));
    return std::nullopt;
  }
  bool good = true;
  const auto take = [&](const Node& item, const std::string& item_path) {
    std::optional<std::string> text = plain_text(item, item_path);
    good = good && text.has_value();
    if (!text) return;
    if (!key.choices.empty() &&
        std::find(key.choices.begin(), key.choices.end(), *text) == key.choices.end()) {
      const std::string_view near = nearest(*text, key.choices);
      error(item.place,
            fmt::format("{} must be {}, not {}", item_path, one_of(key.choices), in_quotes(*text)),
            near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
      good = false;
    } else if (std::find(texts.begin(), texts.end(), *text) == texts.end()) {
      texts.push_back(std::move(*text));
    } else {
      warning(item.place, fmt::format("{} is in the list twice", in_quotes(*text)));
    }
  };
  if (node.type == Node::Type::scalar) take(node, std::string(path));
  for (std::size_t i = 0; i < node.items.size(); ++i) take(*node.items[i], fmt::format("{}[{}]", path, i));
  if (!good) return std::nullopt;
  return Value(std::move(texts));
}

std::optional<Value> ValueReader::read_scalars(const Node& node, std::string_view path) {
  ConfigScalarMap map;
  if (node.type == Node::Type::null) return Value(std::move(map));
  if (node.type != Node::Type::map) {
    wrong_type(node, path, describe_kind(Kind::scalar_map), "write it as {name: value}");
    return std::nullopt;
  }
  if (node.entries.size() > kMaxItems) {
    error(node.place, fmt::format("{} has more than {} entries", path, kMaxItems));
    return std::nullopt;
  }
  bool good = true;
  std::set<std::string, std::less<>> seen;
  for (const auto& [key_node, value] : node.entries) {
    const std::optional<std::string> name = plain_text(*key_node, fmt::format("a key of {}", path));
    good = good && name.has_value();
    if (!name) continue;
    const std::string item_path = fmt::format("{}.{}", path, shown(*name));
    good = good && value->type == Node::Type::scalar;
    if (names_secret(*name)) {
      error(key_node->place,
            fmt::format("{} looks like a secret, which does not belong in this file", item_path),
            "remove it");
      good = false;
    } else if (!seen.insert(*name).second) {
      error(key_node->place, fmt::format("{} is given twice", item_path), "remove one of the two");
      good = false;
    } else if (value->type != Node::Type::scalar) {
      wrong_type(value->type == Node::Type::null ? *key_node : *value, item_path, "a single value");
    } else if (const std::string problem = holds_secret(value->text)
                                               ? "looks like a secret (which is not shown here)"
                                               : text_problem(value->text);
               !problem.empty()) {
      error(value->place, fmt::format("{} {}", item_path, problem));
      good = false;
    } else {
      map.emplace_back(*name, typed_scalar(value->text, value->quoted));
    }
  }
  if (!good) return std::nullopt;
  return Value(std::move(map));
}

std::optional<MetricAliasConfig> ValueReader::read_alias(const Node& node, const std::string& path) {
  if (node.type == Node::Type::scalar) {
    std::optional<std::string> name = plain_text(node, path);
    if (!name) return std::nullopt;
    return MetricAliasConfig{std::move(*name), 1.0};
  }
  if (node.type != Node::Type::map) {
    wrong_type(node, path, "a metric's name or {name: …, scale: …}");
    return std::nullopt;
  }
  MetricAliasConfig alias;
  std::set<std::string, std::less<>> seen;
  bool good = true;
  for (const auto& [key_node, value] : node.entries) {
    const std::string& name = key_node->text;
    if (!seen.insert(name).second) {
      error(key_node->place, fmt::format("{} is given twice", in_quotes(name)), "remove one of the two");
      good = false;
    } else if (name == "name") {
      std::optional<std::string> text = plain_text(*value, path + ".name");
      good = good && text.has_value();
      alias.name = std::move(text).value_or("");
    } else if (name == "scale") {
      const Parsed<double> scale = value->type == Node::Type::scalar && !value->quoted
                                       ? parse_number(value->text)
                                       : refuse(fmt::format("must be a number, not {}",
                                                            value->quoted ? "text" : describe_node(*value)));
      const bool usable = scale && *scale != 0.0;
      if (!usable)
        error(value->place,
              fmt::format("{}.scale {}", path, scale ? "must not be 0" : scale.error().problem));
      good = good && usable;
      if (usable) alias.scale = *scale;
    } else {
      const std::string_view near = nearest(name, {"name", "scale"});
      error(key_node->place, fmt::format("unknown key {} in {}", in_quotes(name), path),
            near.empty() ? "the keys are name and scale" : fmt::format("did you mean \"{}\"?", near));
      good = false;
    }
  }
  if (good && alias.name.empty()) {
    error(node.place, fmt::format("{} lacks its name", path),
          "write it as {name: train/loss_percent, scale: 0.01}");
    good = false;
  }
  if (!good) return std::nullopt;
  return alias;
}

std::optional<Value> ValueReader::read_aliases(const Node& node, std::string_view path) {
  MetricAliasMap map;
  if (node.type == Node::Type::null) return Value(std::move(map));
  if (node.type != Node::Type::map) {
    wrong_type(node, path, describe_kind(Kind::alias_map), "write it as {train_loss: [my/loss]}");
    return std::nullopt;
  }
  bool good = true;
  std::set<std::string, std::less<>> seen;
  std::set<std::string, std::less<>> taken;
  for (const auto& [key_node, value] : node.entries) {
    const std::optional<std::string> name = plain_text(*key_node, fmt::format("a key of {}", path));
    good = good && name.has_value();
    if (!name) continue;
    const std::string item_path = fmt::format("{}.{}", path, shown(*name));
    if (!seen.insert(*name).second) {
      error(key_node->place, fmt::format("{} is given twice", item_path), "put all names into one list");
      good = false;
      continue;
    }
    std::vector<MetricAliasConfig> aliases;
    const auto take = [&](const Node& item, const std::string& at) {
      std::optional<MetricAliasConfig> alias = read_alias(item, at);
      good = good && alias.has_value();
      if (!alias) return;
      if (!taken.insert(alias->name).second) {
        error(item.place, fmt::format("{} is already an alias", in_quotes(alias->name)),
              "a logged name can mean one metric only");
        good = false;
        return;
      }
      aliases.push_back(std::move(*alias));
    };
    if (value->type == Node::Type::list && value->items.size() <= kMaxItems) {
      for (std::size_t i = 0; i < value->items.size(); ++i)
        take(*value->items[i], fmt::format("{}[{}]", item_path, i));
    } else if (value->type == Node::Type::null || value->type == Node::Type::list) {
      error(key_node->place, fmt::format("{} must have 1 to {} names", item_path, kMaxItems));
      good = false;
    } else {
      take(*value, item_path);
    }
    map.emplace_back(*name, std::move(aliases));
  }
  if (!good) return std::nullopt;
  return Value(std::move(map));
}

}  // namespace redflag::daemon::settings
