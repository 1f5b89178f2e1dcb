// The directories a watcher knows, compactly: a tree of small nodes that hold their own name only, so that a
// results tree with tens of thousands of directories costs a few megabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace redflag::daemon {

class DirectoryIndex {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = 0xffffffffU;

  struct Node {
    std::string name;  ///< of the root: its whole path
    Id parent = kNone;
    Id first_child = kNone;
    Id next = kNone;
    Id previous = kNone;
    std::int32_t watch = -1;       ///< inotify's descriptor; -1 = none
    std::uint32_t generation = 0;  ///< changes whenever the id is given to another directory
    bool live = false;
    bool polled = false;       ///< no watch to be had: looked at from time to time
    bool unreadable = false;   ///< permission denied
    bool queued = false;       ///< waits to be scanned
    bool queued_deep = false;  ///< ... with everything below it
  };

  DirectoryIndex() : by_name_(16, Hash{this}, Equal{this}) {}
  DirectoryIndex(const DirectoryIndex&) = delete;
  DirectoryIndex& operator=(const DirectoryIndex&) = delete;

  /// `parent` kNone adds the root, with its whole path as `name`. The child must not exist yet.
  Id add(Id parent, std::string_view name);
  Id child(Id parent, std::string_view name) const;
  std::string path(Id id) const;
  Node& operator[](Id id) { return nodes_[id]; }
  const Node& operator[](Id id) const { return nodes_[id]; }
  bool is(Id id, std::uint32_t generation) const {
    return id < nodes_.size() && nodes_[id].live && nodes_[id].generation == generation;
  }
  /// The directory and all below it, children first.
  std::vector<Id> subtree(Id id) const;
  /// A directory without children.
  void remove(Id id);
  std::size_t size() const { return by_name_.size(); }
  Id end_id() const { return static_cast<Id>(nodes_.size()); }

 private:
  struct Key {
    Id parent;
    std::string_view name;
  };
  struct Hash {
    using is_transparent = void;
    const DirectoryIndex* index;
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.name) ^ (key.parent * std::size_t{0x9e3779b97f4a7c15});
    }
    std::size_t operator()(Id id) const { return (*this)(index->key(id)); }
  };
  struct Equal {
    using is_transparent = void;
    const DirectoryIndex* index;
    static bool same(const Key& a, const Key& b) { return a.parent == b.parent && a.name == b.name; }
    bool operator()(Id a, Id b) const { return a == b; }
    bool operator()(const Key& a, Id b) const { return same(a, index->key(b)); }
    bool operator()(Id a, const Key& b) const { return same(index->key(a), b); }
  };
  Key key(Id id) const { return {nodes_[id].parent, nodes_[id].name}; }

  std::vector<Node> nodes_;
  std::vector<Id> free_;
  std::unordered_set<Id, Hash, Equal> by_name_;
};

}  // namespace redflag::daemon
