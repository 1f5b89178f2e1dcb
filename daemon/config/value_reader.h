// Checks one value of the file against its key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/config/environment.h"
#include "daemon/config/schema.h"
#include "daemon/config/values.h"
#include "daemon/config/yaml_tree.h"

namespace redflag::daemon::settings {

class ValueReader {
 public:
  /// All three have to outlive the reader; findings are added to `found`.
  ValueReader(const SourceText& source, ConfigDiagnostics& found, const ConfigContext& context)
      : source_(source), found_(found), context_(context) {}

  /// The value of a key that is no section. nullopt when it was refused, which has then been reported.
  std::optional<Value> read(const Key& key, const Node& node, std::string_view path);

  /// A scalar's text against its key, without a place in a file: also used for environment variables.
  Parsed<Value> check(const Key& key, std::string_view text, bool quoted) const;

  void error(const Place& place, std::string message, std::string help = {});
  void warning(const Place& place, std::string message, std::string help = {});
  /// "wandb.timeout must be …, not a list".
  void wrong_type(const Node& node, std::string_view path, std::string_view wanted, std::string help = {});

 private:
  std::optional<Value> read_texts(const Key& key, const Node& node, std::string_view path);
  std::optional<Value> read_scalars(const Node& node, std::string_view path);
  std::optional<Value> read_aliases(const Node& node, std::string_view path);
  std::optional<MetricAliasConfig> read_alias(const Node& node, const std::string& path);
  /// The text of a list's item or a map's key; nullopt (reported) when it is no usable text.
  std::optional<std::string> plain_text(const Node& node, std::string_view path);
  Parsed<Value> check_path(const Key& key, std::string_view text) const;

  const SourceText& source_;
  ConfigDiagnostics& found_;
  const ConfigContext& context_;
};

/// "text", "a list", "a map", "nothing".
std::string_view describe_node(const Node& node);

}  // namespace redflag::daemon::settings
