// POSIX calls behind FileSystem. Errors become values; descriptors are closed on every path.
#include "daemon/results/file_system.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMaxEntries = 1'000'000;

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  return FileType::other;
}

FileStat describe(const struct stat& raw) {
  FileStat out;
  out.size = raw.st_size > 0 ? static_cast<std::uint64_t>(raw.st_size) : 0;
  out.modified =
      Time{std::chrono::seconds{raw.st_mtim.tv_sec} + std::chrono::microseconds{raw.st_mtim.tv_nsec / 1000}};
  out.inode = raw.st_ino;
  out.device = raw.st_dev;
  out.type = type_of(raw.st_mode);
  return out;
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

class SystemFiles final : public FileSystem {
 public:
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    const std::string doing = "listing " + printable_path(path);
    const auto close = [](DIR* dir) { ::closedir(dir); };
    std::unique_ptr<DIR, decltype(close)> dir(::opendir(path.c_str()), close);
    if (!dir) return tl::unexpected(file_error(doing, errno));
    std::vector<DirectoryEntry> out;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) break;
      const char* name = entry->d_name;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (out.size() == kMaxEntries) {
        return fail(ErrorCode::too_large, doing, "more than 1,000,000 entries",
                    "spread the files over subdirectories");
      }
      out.push_back({name, entry_type(*entry, path)});
    }
    if (errno != 0) return tl::unexpected(file_error(doing, errno));
    return out;
  }

  Result<FileStat> stat(const std::string& path) override {
    struct stat raw {};
    if (::lstat(path.c_str(), &raw) != 0)
      return tl::unexpected(file_error("looking at " + printable_path(path), errno));
    if (S_ISLNK(raw.st_mode)) {
      struct stat target {};
      if (::stat(path.c_str(), &target) == 0 && S_ISREG(target.st_mode)) return describe(target);
    }
    return describe(raw);
  }

  Result<FileStat> stat_following(const std::string& path) override {
    struct stat raw {};
    if (::stat(path.c_str(), &raw) != 0)
      return tl::unexpected(file_error("looking at " + printable_path(path), errno));
    return describe(raw);
  }

  Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t length) override {
    const auto everything = [offset](const FileStat&) { return std::optional(offset); };
    Result<FilePiece> piece = look_and_read(path, everything, length);
    if (!piece) return tl::unexpected(std::move(piece.error()));
    return std::move(piece->bytes);
  }

  Result<FilePiece> look_and_read(const std::string& path, const From& from, std::size_t length) override {
    const auto failed = [&](int number) {
      return tl::unexpected(file_error("reading " + printable_path(path), number));
    };
    // O_NONBLOCK: opening a pipe that somebody put there must not stop the loop.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0) return failed(errno);
    struct stat raw {};
    if (::fstat(file.fd, &raw) != 0) return failed(errno);
    if (!S_ISREG(raw.st_mode))
      return fail(ErrorCode::invalid_input, "reading " + printable_path(path), "not a regular file");
    FilePiece piece;
    piece.stat = describe(raw);
    const std::optional<std::uint64_t> offset = from(piece.stat);
    if (!offset || *offset >= piece.stat.size) return piece;
    std::string& out = piece.bytes;
    out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, piece.stat.size - *offset)));
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          ::pread(file.fd, out.data() + done, out.size() - done, static_cast<off_t>(*offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed(errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return piece;
  }

  bool surely_has_no_writer(const std::string& path) override {
    if (is_remote(path)) return false;
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0) return false;
    // A read lease is granted only while there is no writer (fcntl(2)); it is given back at once. Should
    // somebody open the file for writing in between, the kernel lets them wait those microseconds and sends
    // us a signal: SIGURG, ignored by default.
    if (::fcntl(file.fd, F_SETSIG, SIGURG) != 0 || ::fcntl(file.fd, F_SETLEASE, F_RDLCK) != 0) return false;
    ::fcntl(file.fd, F_SETLEASE, F_UNLCK);
    return true;
  }

  bool is_remote(const std::string& path) override {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0) return false;
    // Magic numbers from statfs(2): NFS, SMB, CIFS, SMB2, FUSE, 9p, AFS, Ceph, Lustre, OCFS2, GFS2.
    switch (static_cast<unsigned long>(info.f_type) & 0xffffffffUL) {
      case 0x6969UL:
      case 0x517bUL:
      case 0xff534d42UL:
      case 0xfe534d42UL:
      case 0x65735546UL:
      case 0x01021997UL:
      case 0x5346414fUL:
      case 0x00c36400UL:
      case 0x0bd00bd0UL:
      case 0x7461636fUL:
      case 0x01161970UL:
        return true;
      default:
        return false;
    }
  }

 private:
  static FileType entry_type(const dirent& entry, const std::string& path) {
    switch (entry.d_type) {
      case DT_REG:
        return FileType::regular;
      case DT_DIR:
        return FileType::directory;
      case DT_LNK:
        return FileType::symlink;
      case DT_UNKNOWN: {  // some file systems do not tell
        struct stat raw {};
        const std::string full = path + '/' + entry.d_name;
        return ::lstat(full.c_str(), &raw) == 0 ? type_of(raw.st_mode) : FileType::other;
      }
      default:
        return FileType::other;
    }
  }
};

}  // namespace

Result<FilePiece> FileSystem::look_and_read(const std::string& path, const From& from, std::size_t length) {
  Result<FileStat> seen = stat(path);
  if (!seen) return tl::unexpected(std::move(seen.error()));
  FilePiece piece;
  piece.stat = *seen;
  const std::optional<std::uint64_t> offset = from(piece.stat);
  if (!offset) return piece;
  Result<std::string> bytes = read(path, *offset, length);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  piece.bytes = std::move(*bytes);
  return piece;
}

FileSystem& system_files() {
  static SystemFiles files;
  return files;
}

Error file_error(std::string doing, int errno_value) {
  Error error;
  error.doing = std::move(doing);
  error.what = std::strerror(errno_value);
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      error.code = ErrorCode::not_found;
      break;
    case EACCES:
    case EPERM:
      error.code = ErrorCode::denied;
      error.advice = "run redflagd as the training user, or let it in with setfacl -m u:redflag:rX";
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ESTALE:
    case EIO:
      error.code = ErrorCode::storage;
      error.retryable = true;
      break;
    default:
      error.code = ErrorCode::storage;
  }
  return error;
}

}  // namespace redflag::daemon
