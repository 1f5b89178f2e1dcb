// From the tree of a file to a Config, guided by the schema.
#pragma once

#include <map>
#include <string>

#include "daemon/config/value_reader.h"

namespace redflag::daemon::settings {

class SectionReader {
 public:
  /// All have to outlive the reader. `origins` receives every path that the file sets.
  SectionReader(SourceText& source, ConfigDiagnostics& found, const ConfigContext& context,
                std::map<std::string, SettingOrigin, std::less<>>& origins)
      : source_(source), values_(source, found, context), origins_(origins) {}

  /// Reads the keys that the map has into the object; the others keep what they are. `prefix` is the
  /// section's path with a dot at its end, or empty for the root.
  void read(const Section& section, const Node& map, void* object, const std::string& prefix);

 private:
  void read_entry(const Key& key, const Node& key_node, const Node& value, void* object,
                  const std::string& path);
  void read_list(const Key& key, const Node& value, void* object, const std::string& path);
  void read_item(const Key& key, const Node& item, void* object, const std::string& path);
  void check_item(const Section& section, const Node& item, const std::string& prefix);
  void unknown_key(const Section& section, const Node& key_node, const std::string& prefix);
  void set_origin(const std::string& path, const Place& place);

  SourceText& source_;
  ValueReader values_;
  std::map<std::string, SettingOrigin, std::less<>>& origins_;
};

}  // namespace redflag::daemon::settings
