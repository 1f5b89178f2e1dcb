// YAML as the configuration needs it: yaml-cpp's events as a tree that keeps what its own nodes lose
// (duplicate keys, the place of every key and value) and that hostile input cannot make deep or large.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/config/source_text.h"

namespace redflag::daemon::settings {

struct Node;
using NodePtr = std::shared_ptr<const Node>;  // shared: an alias is the anchored node itself

struct Node {
  enum class Type : unsigned char { null, scalar, list, map };
  Type type = Type::null;
  Place place;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< the scalar was written in quotes or as a block
  std::vector<NodePtr> items;
  std::vector<std::pair<NodePtr, NodePtr>> entries;  ///< in the order of the file, duplicates included
  std::size_t weight = 1;  ///< nodes below and including this one, aliases counted as often as they are used
};

inline constexpr std::size_t kMaxConfigBytes = 256 * 1024;
inline constexpr std::size_t kMaxDepth = 24;
inline constexpr std::size_t kMaxWeight = 50'000;

/// The file's one document; nullptr when there is nothing in it (or nothing that could be read). Every error
/// is added to `found`. After an error the rest of the file is read on from the next key at the left margin,
/// so that what else is wrong is told, too. `source` learns which values hold secrets.
NodePtr read_yaml(SourceText& source, ConfigDiagnostics& found);

}  // namespace redflag::daemon::settings
