// The in-memory twin: a sorted map of absolute paths.
#include "daemon/results/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace redflag::daemon {

void MemoryFileSystem::make_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (nodes_.find(part) == nodes_.end()) nodes_[part] = {FileType::directory, {}, now_, next_inode_++};
    if (slash == std::string::npos) break;
  }
}

void MemoryFileSystem::write(const std::string& path, std::string content) {
  make_directory(path.substr(0, path.rfind('/')));
  Node& node = nodes_[path];
  if (node.inode == 0) node.inode = next_inode_++;
  node.type = FileType::regular;
  node.content = std::move(content);
  node.modified = now_;
}

void MemoryFileSystem::symlink(const std::string& path, std::string target) {
  make_directory(path.substr(0, path.rfind('/')));
  nodes_[path] = {FileType::symlink, std::move(target), now_, next_inode_++};
}

void MemoryFileSystem::remove(const std::string& path) {
  nodes_.erase(path);
  nodes_.erase(nodes_.lower_bound(path + '/'), nodes_.lower_bound(path + '0'));  // '0' follows '/'
}

void MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  std::vector<std::pair<std::string, Node>> moved;
  for (const auto& [path, node] : nodes_) {
    if (path == from || path.rfind(from + '/', 0) == 0)
      moved.emplace_back(to + path.substr(from.size()), node);
  }
  remove(from);
  remove(to);
  for (auto& [path, node] : moved) nodes_[path] = std::move(node);
}

const MemoryFileSystem::Node* MemoryFileSystem::find(const std::string& path) const {
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? nullptr : &it->second;
}

FileStat MemoryFileSystem::describe(const Node& node) const {
  return {node.content.size(), node.modified, node.inode, 1, node.type};
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::list(const std::string& path) {
  const Node* dir = find(path);
  if (dir == nullptr || dir->type != FileType::directory)
    return tl::unexpected(file_error("listing " + path, ENOENT));
  if (denied_.count(path) != 0) return tl::unexpected(file_error("listing " + path, EACCES));
  std::vector<DirectoryEntry> out;
  for (auto it = nodes_.lower_bound(path + '/'); it != nodes_.end() && it->first.rfind(path + '/', 0) == 0;
       ++it) {
    const std::string name = it->first.substr(path.size() + 1);
    if (name.find('/') == std::string::npos) out.push_back({name, it->second.type});
  }
  return out;
}

Result<FileStat> MemoryFileSystem::stat(const std::string& path) {
  const Node* node = find(path);
  if (node == nullptr) return tl::unexpected(file_error("looking at " + path, ENOENT));
  if (node->type == FileType::symlink) {
    const Node* target = find(node->content);
    if (target != nullptr && target->type == FileType::regular) return describe(*target);
  }
  return describe(*node);
}

Result<FileStat> MemoryFileSystem::stat_following(const std::string& path) {
  const Node* node = find(path);
  for (int hops = 0; node != nullptr && node->type == FileType::symlink; ++hops) {
    node = hops < 40 ? find(node->content) : nullptr;
  }
  if (node == nullptr) return tl::unexpected(file_error("looking at " + path, ENOENT));
  return describe(*node);
}

Result<std::string> MemoryFileSystem::read(const std::string& path, std::uint64_t offset,
                                           std::size_t length) {
  const Node* node = find(path);
  if (node != nullptr && node->type == FileType::symlink) node = find(node->content);
  if (node == nullptr) return tl::unexpected(file_error("reading " + path, ENOENT));
  if (denied_.count(path) != 0) return tl::unexpected(file_error("reading " + path, EACCES));
  if (node->type != FileType::regular)
    return fail(ErrorCode::invalid_input, "reading " + path, "not a regular file");
  if (offset >= node->content.size()) return std::string();
  return node->content.substr(static_cast<std::size_t>(offset), length);
}

}  // namespace redflag::daemon
