// Nodes in one vector, linked by index; ids of removed ones are used again under a new generation.
#include "daemon/results/directory_index.h"

#include <algorithm>

namespace redflag::daemon {

DirectoryIndex::Id DirectoryIndex::add(Id parent, std::string_view name) {
  Id id = static_cast<Id>(nodes_.size());
  if (free_.empty()) {
    nodes_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Node& node = nodes_[id];
  const std::uint32_t generation = node.generation + 1;
  node = Node{};
  node.name = name;
  node.parent = parent;
  node.generation = generation;
  node.live = true;
  if (parent != kNone) {
    node.next = nodes_[parent].first_child;
    if (node.next != kNone) nodes_[node.next].previous = id;
    nodes_[parent].first_child = id;
  }
  by_name_.insert(id);
  return id;
}

DirectoryIndex::Id DirectoryIndex::child(Id parent, std::string_view name) const {
  const auto it = by_name_.find(Key{parent, name});
  return it == by_name_.end() ? kNone : *it;
}

std::string DirectoryIndex::path(Id id) const {
  std::vector<Id> chain;
  for (; id != kNone; id = nodes_[id].parent) chain.push_back(id);
  std::string out;
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    if (!out.empty() && out != "/") out += '/';
    out += nodes_[*it].name;
  }
  return out;
}

std::vector<DirectoryIndex::Id> DirectoryIndex::subtree(Id id) const {
  std::vector<Id> out{id};
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (Id child = nodes_[out[i]].first_child; child != kNone; child = nodes_[child].next)
      out.push_back(child);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void DirectoryIndex::remove(Id id) {
  by_name_.erase(id);
  Node& node = nodes_[id];
  if (node.previous != kNone) {
    nodes_[node.previous].next = node.next;
  } else if (node.parent != kNone) {
    nodes_[node.parent].first_child = node.next;
  }
  if (node.next != kNone) nodes_[node.next].previous = node.previous;
  node.live = false;
  node.name = std::string();
  free_.push_back(id);
}

}  // namespace redflag::daemon
