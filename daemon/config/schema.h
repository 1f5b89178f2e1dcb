// The shape of the configuration: what a key is, as data. The table itself is schema_table.cpp; everything
// that has to know the keys (reading, defaults, "did you mean", --check-config, the reference, the example)
// walks it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/config/config.h"

namespace redflag::daemon::settings {

enum class Kind : unsigned char {
  boolean,
  integer,
  number,
  duration,
  size,
  text,
  choice,  ///< one of `Key::choices`
  path,    ///< ~/ and paths relative to the file are made absolute; words in `choices` are taken as they are
  url,     ///< http or https without userinfo
  text_list,     ///< a single text is a list of one
  scalar_map,    ///< free keys, scalar values
  alias_map,     ///< metric name → names, or {name, scale}
  section,       ///< `Key::section` says what is in it
  section_list,  ///< a list of those
};

/// "a duration such as 15s": what a value of this kind looks like.
std::string_view describe_kind(Kind kind);

using Value = std::variant<bool, std::int64_t, double, Duration, ByteSize, std::string,
                           std::vector<std::string>, ConfigScalarMap, MetricAliasMap>;

/// Turns a value that may be written short ("entity/project") into the section's keys. Empty result: it
/// cannot be.
using Shorthand = std::vector<std::pair<std::string_view, std::string>> (*)(std::string_view text);

struct Section;

/// One key. Objects are passed as void* to the struct that the key's section belongs to.
struct Key {
  std::string_view name;
  Kind kind = Kind::text;
  std::string_view
      fallback;          ///< default, as it would be written in YAML; empty for sections and required keys
  std::string_view doc;  ///< one or two sentences
  std::string_view minimum;  ///< as written; empty = none
  std::string_view maximum;
  std::string_view dynamic;   ///< in words: where the default comes from when it is not `fallback`
  std::string_view variable;  ///< environment variable that replaces the default
  std::string_view example;   ///< YAML for the example file when the default shows nothing
  std::vector<std::string_view> choices;
  std::vector<std::string_view> only_for;  ///< values of the key "type" in the same section that it belongs
                                           ///< to; empty = all
  bool required = false;
  bool advanced = false;     ///< left out of the example
  bool lines = false;        ///< text that may be written on several lines; read as one
  bool secret_path = false;  ///< names a file that holds a secret: a secret in its place is refused unseen

  const Section* section = nullptr;
  Shorthand shorthand = nullptr;
  std::string_view shorthand_doc;

  Value (*get)(const void* object) = nullptr;
  void (*set)(void* object, Value value) = nullptr;
  void* (*child)(void* object) = nullptr;              // section
  std::size_t (*count)(const void* object) = nullptr;  // section_list
  void* (*at)(void* object, std::size_t index) = nullptr;
  void* (*append)(void* object) = nullptr;

  Value default_value;  ///< `fallback`, read once

  Key& fallback_is(std::string_view text) {
    fallback = text;
    return *this;
  }
  Key& range(std::string_view low, std::string_view high) {
    minimum = low;
    maximum = high;
    return *this;
  }
  Key& of_kind(Kind k) {
    kind = k;
    return *this;
  }
  Key& from_variable(std::string_view name_of) {
    variable = name_of;
    return *this;
  }
  Key& else_from(std::string_view words) {
    dynamic = words;
    return *this;
  }
  Key& for_example(std::string_view yaml) {
    example = yaml;
    return *this;
  }
  Key& one_of(std::vector<std::string_view> names) {
    choices = std::move(names);
    return *this;
  }
  Key& belongs_to(std::vector<std::string_view> types) {
    only_for = std::move(types);
    return *this;
  }
  Key& may_have_lines() {
    lines = true;
    return *this;
  }
  bool belongs(std::string_view type) const {
    return only_for.empty() || std::find(only_for.begin(), only_for.end(), type) != only_for.end();
  }
  Key& short_form(Shorthand how, std::string_view words) {
    shorthand = how;
    shorthand_doc = words;
    return *this;
  }
  Key& is_required() {
    required = true;
    return *this;
  }
  Key& is_advanced() {
    advanced = true;
    return *this;
  }
  Key& is_secret_path() {
    secret_path = true;
    return *this;
  }
};

struct Section {
  std::vector<Key> keys;

  /// Reads the defaults; a fallback that its own key would refuse is a bug, and aborts in the first test that
  /// runs.
  explicit Section(std::vector<Key> all);
  const Key* find(std::string_view name) const;
  std::vector<std::string_view> names() const;
};

/// The whole configuration, keys of `Config`. Built on first use.
const Section& schema();

/// Paths of all keys called `name`: "wandb.poll_interval".
std::vector<std::string> paths_named(std::string_view name);

/// Sets every key of the object to its default, sections in it too.
void set_defaults(const Section& section, void* object);

/// A value as it is written in YAML, on one line.
std::string to_yaml(const Key& key, const Value& value);

}  // namespace redflag::daemon::settings
