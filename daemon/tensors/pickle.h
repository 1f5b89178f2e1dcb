// A pickle read into plain nodes, protocols 0 to 5. Nothing a pickle names is looked up, imported or called:
// names become nodes, calls become nodes that hold what would have been called with what. Opcodes: CPython's
// Lib/pickletools.py.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/tensors/byte_source.h"
#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

using NodeId = std::uint32_t;
constexpr NodeId kNoNode = 0xffffffffU;

enum class NodeType : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,  ///< over 64 bits: its value is not kept
  real,
  text,
  bytes,       ///< left where it is: offset and length in the source
  list,        ///< also tuples, sets and frozensets
  dict,        ///< items are key, value, key, value, …
  global,      ///< text: "module name"
  call,        ///< something called (REDUCE, NEWOBJ, OBJ, INST, …)
  persistent,  ///< one item: what the pickle hands to its loader to find (torch's storages)
};

struct Node {
  NodeType type = NodeType::none;
  std::uint32_t items = kNoNode;  ///< index of the children's list
  NodeId callee = kNoNode;        ///< call
  NodeId state = kNoNode;         ///< what BUILD gave it
  union {
    std::int64_t integer = 0;  ///< boolean, integer
    double real;
    std::uint64_t offset;  ///< bytes: in the source; text, global: in the pool
  };
  std::uint64_t length = 0;  ///< bytes, text, global, big_integer; call: how many of its items are arguments
};

class Pickle {
 public:
  const Node& node(NodeId id) const { return nodes_[id]; }
  NodeId root() const { return root_; }
  std::size_t nodes() const { return nodes_.size(); }
  /// Of text and global nodes; valid as long as the Pickle.
  std::string_view text(NodeId id) const;
  /// Elements of a list, keys and values of a dict, arguments of a call, then what was appended to it.
  const std::vector<NodeId>& items(NodeId id) const;
  /// Of a call: how many of items() are arguments; the rest was appended or set (keys and values in turn).
  std::size_t arguments(NodeId id) const { return static_cast<std::size_t>(nodes_[id].length); }
  /// "collections OrderedDict": each once, in order of appearance.
  const std::vector<std::string>& globals() const { return globals_; }
  std::uint64_t end() const { return end_; }  ///< offset behind STOP

 private:
  friend class PickleMachine;
  std::deque<Node> nodes_;  // deques: growing never needs the memory twice
  std::deque<std::vector<NodeId>> lists_;
  std::string pool_;
  std::vector<std::string> globals_;
  NodeId root_ = kNoNode;
  std::uint64_t end_ = 0;
};

/// Reads one pickle from [begin, end) of the source. At most 32 MB of memory: a larger one is refused.
tl::expected<Pickle, ReadFailure> read_pickle(const ByteSource& source, std::uint64_t begin,
                                              std::uint64_t end);

}  // namespace redflag::tensors
