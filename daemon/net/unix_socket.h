// A listening unix socket whose file is right from the first moment: its permissions are never wider than
// asked for, what a dead daemon left behind is replaced, and what a living one holds is left alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <sys/types.h>

#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// Longest path of a unix socket on Linux, in bytes (sun_path without its final NUL).
inline constexpr std::size_t kMaxUnixPath = 107;

/// Removes its socket file when it is gone, unless somebody has put another in its place.
class SocketFile {
 public:
  SocketFile() = default;
  SocketFile(std::string path, dev_t device, ino_t inode)
      : path_(std::move(path)), device_(device), inode_(inode) {}
  ~SocketFile() { remove(); }
  SocketFile(SocketFile&& other) noexcept { *this = std::move(other); }
  SocketFile& operator=(SocketFile&& other) noexcept;

  void remove();
  const std::string& path() const { return path_; }

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct UnixListener {
  asio::local::stream_protocol::acceptor acceptor;
  SocketFile file;
};

/// Binds and listens. `mode` (0600, 0660, …) is that of the socket file; `group` its group by name, empty:
/// the process's own. The directory has to exist. Errors: invalid_input (no absolute path, too long for a
/// socket, not in a directory, no such group), conflict (another process answers there, or the path is
/// something else than a socket), denied (directory not writable, group not one's own), unavailable.
Result<UnixListener> listen_unix(const asio::any_io_executor& executor, const std::string& path, mode_t mode,
                                 const std::string& group);

/// Who is at the other end of a connected unix socket, as of its connect (SO_PEERCRED).
struct SocketPeer {
  std::uint32_t uid = 0;
  std::int64_t pid = 0;  ///< 0: of a PID namespace that cannot be seen from here
};
/// nullopt when the kernel does not say.
std::optional<SocketPeer> socket_peer(int descriptor);

}  // namespace redflag::daemon
