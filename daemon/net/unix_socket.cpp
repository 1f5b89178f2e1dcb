// The file's mode is that of the socket's own inode at bind(2), less the umask: fchmod on the descriptor
// before bind keeps it closed without touching the umask, which belongs to all threads. Group and wanted mode
// follow before listen(2), so nobody is let in (or turned away) in between.
#include "daemon/net/unix_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

/// A descriptor that is closed unless it is given away.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

ErrorCode code_of(int number) {
  switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::denied;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return ErrorCode::invalid_input;
    case EADDRINUSE:
      return ErrorCode::conflict;
    default:
      return ErrorCode::unavailable;
  }
}

tl::unexpected<Error> refused(const std::string& doing, int number, std::string advice = {}) {
  return fail(code_of(number), doing, std::strerror(number), std::move(advice));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

/// Takes away the file of a socket that nobody listens on any more.
Result<void> clear_stale(const std::string& doing, const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return refused(doing, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::conflict, doing, "there is something else than a socket at that path",
                "move it away, or choose another path");
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return refused(doing, errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    return fail(ErrorCode::conflict, doing, "another process answers there",
                "a second redflagd needs a socket of its own");
  }
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) {
    return refused(doing, errno, "who is behind it cannot be told; remove it if nobody is");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return refused(doing, errno, "remove the stale socket");
  return {};
}

Result<void> give_to_group(const std::string& doing, const std::string& path, const std::string& group) {
  std::vector<char> buffer(16384);
  struct group entry {};
  struct group* found = nullptr;
  const int error = ::getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return fail(ErrorCode::invalid_input, doing, fmt::format("there is no group \"{}\"", group),
                error == 0 ? "create it, or name another" : std::strerror(error));
  }
  if (::fchownat(AT_FDCWD, path.c_str(), static_cast<uid_t>(-1), found->gr_gid, AT_SYMLINK_NOFOLLOW) == 0)
    return {};
  // EINVAL: PrivateUsers= of systemd hides every group but the service's own.
  const bool hidden = errno == EINVAL;
  return fail(ErrorCode::denied, doing,
              fmt::format("it cannot be given to the group \"{}\": {}", group,
                          hidden ? "this service sees only its own group" : std::strerror(errno)),
              fmt::format("redflagd has to be in it: under systemd set Group={}, else add its user", group));
}

}  // namespace

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

void SocketFile::remove() {
  if (path_.empty()) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    (void)::unlink(path_.c_str());
  path_.clear();
}

Result<UnixListener> listen_unix(const asio::any_io_executor& executor, const std::string& path, mode_t mode,
                                 const std::string& group) {
  const std::string doing = fmt::format("listening on the socket {}", path);
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid_input, doing, "this is not an absolute path");
  if (path.size() > kMaxUnixPath) {
    return fail(ErrorCode::invalid_input, doing,
                fmt::format("the path has {} bytes, and the system allows {} for a socket", path.size(),
                            kMaxUnixPath),
                "choose a shorter one");
  }
  const sockaddr_un address = address_of(path);
  if (Result<void> clear = clear_stale(doing, path, address); !clear)
    return tl::unexpected<Error>(std::move(clear.error()));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0 || ::fchmod(socket.get(), 0600) != 0) return refused(doing, errno);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return refused(doing, errno, missing ? "its directory has to exist" : "");
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return refused(doing, errno);
  SocketFile file(path, status.st_dev, status.st_ino);
  if (!group.empty()) {
    if (Result<void> given = give_to_group(doing, path, group); !given)
      return tl::unexpected<Error>(std::move(given.error()));
  }
  if (::chmod(path.c_str(), mode & 0777U) != 0) return refused(doing, errno);
  if (::listen(socket.get(), SOMAXCONN) != 0) return refused(doing, errno);
  UnixListener listener{asio::local::stream_protocol::acceptor(executor), std::move(file)};
  boost::system::error_code error;
  listener.acceptor.assign(asio::local::stream_protocol(), socket.get(), error);
  if (error) return fail(ErrorCode::unavailable, doing, error.message());
  (void)socket.release();
  return listener;
}

std::optional<SocketPeer> socket_peer(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return SocketPeer{peer.uid, peer.pid};
}

}  // namespace redflag::daemon
