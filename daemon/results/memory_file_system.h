// A file tree in memory, for tests: the same contract as the real one, with faults on demand.
#pragma once

#include <map>
#include <set>
#include <string>

#include "daemon/results/file_system.h"

namespace redflag::daemon {

class MemoryFileSystem final : public FileSystem {
 public:
  /// Time given to what is written from now on.
  void set_time(Time now) { now_ = now; }
  /// Makes missing parents.
  void make_directory(const std::string& path);
  /// Replaces the content; makes missing parents.
  void write(const std::string& path, std::string content);
  void symlink(const std::string& path, std::string target);
  /// A file or a whole tree.
  void remove(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  /// Listing and reading this path fails with `denied`.
  void deny(const std::string& path) { denied_.insert(path); }
  void allow(const std::string& path) { denied_.erase(path); }
  /// Whether surely_has_no_writer() can tell (and then says yes).
  void set_vouching(bool vouching) { vouching_ = vouching; }
  void set_remote(bool remote) { remote_ = remote; }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<FileStat> stat(const std::string& path) override;
  Result<FileStat> stat_following(const std::string& path) override;
  Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t length) override;
  bool surely_has_no_writer(const std::string&) override { return vouching_; }
  bool is_remote(const std::string&) override { return remote_; }

 private:
  struct Node {
    FileType type = FileType::regular;
    std::string content;  ///< or a link's target
    Time modified;
    std::uint64_t inode = 0;
  };
  FileStat describe(const Node& node) const;
  const Node* find(const std::string& path) const;

  std::map<std::string, Node> nodes_;
  std::set<std::string> denied_;
  Time now_;
  std::uint64_t next_inode_ = 1;
  bool remote_ = false;
  bool vouching_ = false;
};

}  // namespace redflag::daemon
