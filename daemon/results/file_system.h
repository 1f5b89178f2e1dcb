// The file system as the results source sees it: a seam, so that the source's rules can be tested on a tree
// in memory, with denied directories and clocks that no real disk would give on demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

enum class FileType : std::uint8_t {
  regular,    ///< a file, or a symbolic link that ends at one
  directory,  ///< never a symbolic link: links to directories are not followed, so loops cannot be entered
  symlink,    ///< a link to a directory, to nothing, or in a loop
  other,      ///< socket, pipe, device
};

struct DirectoryEntry {
  std::string name;  ///< bytes as the kernel has them; need not be UTF-8
  FileType type = FileType::other;
};

struct FileStat {
  std::uint64_t size = 0;  ///< bytes
  Time modified;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  FileType type = FileType::other;
  bool is_directory() const { return type == FileType::directory; }
  bool is_symlink() const { return type == FileType::symlink; }
};

struct FilePiece {
  FileStat stat;
  std::string bytes;
};

/// Paths are absolute byte strings. Nothing here blocks longer than the disk does: pipes are refused, not
/// read.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Without "." and "..", in no order. Errors: not_found (also: not a directory), denied, too_large (over a
  /// million entries).
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  /// A link to a regular file is described as that file; other links as `symlink`.
  virtual Result<FileStat> stat(const std::string& path) = 0;
  /// Follows links to directories too: for the root a person configured, which may well be a link to a bigger
  /// disk.
  virtual Result<FileStat> stat_following(const std::string& path) = 0;
  /// Up to `length` bytes from `offset`; fewer at the end of the file, none beyond it. Regular files only.
  virtual Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t length) = 0;
  /// Both at once, of one and the same file even when another takes its name meanwhile: what it is, and up to
  /// `length` bytes from where `from` says, given that; nullopt: none. For a file that was seen to be regular
  /// before: it is opened, and a pipe's writer would notice.
  using From = std::function<std::optional<std::uint64_t>(const FileStat&)>;
  virtual Result<FilePiece> look_and_read(const std::string& path, const From& from, std::size_t length);
  /// True when the kernel vouches that nobody has the file open for writing or mapped for it. False when
  /// somebody has, and also when it cannot be told: another machine may write to it, or the file is another
  /// user's.
  virtual bool surely_has_no_writer(const std::string& path) = 0;
  /// On NFS, SMB, FUSE and the like other machines write without inotify seeing it.
  virtual bool is_remote(const std::string& path) = 0;
};

/// The machine's own. Stateless; lives as long as the program.
FileSystem& system_files();

/// An Error for an errno of a file operation: ENOENT and ENOTDIR are not_found, EACCES and EPERM denied.
Error file_error(std::string doing, int errno_value);

}  // namespace redflag::daemon
