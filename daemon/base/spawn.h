// fork and exec with what redflag needs between the two: pipes, limits, and manners for programs that run
// beside a training. Knows nothing of the event loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "rules/values/error.h"

namespace redflag::daemon {

enum class ChildStream : std::uint8_t {
  inherit,  ///< the parent's own
  nothing,  ///< /dev/null
  pipe,     ///< to or from the parent
};

struct SpawnOptions {
  std::string program;                   ///< a path; PATH is not searched
  std::vector<std::string> arguments;    ///< without the program's name; visible to everybody: no secrets
  std::vector<std::string> environment;  ///< NAME=value; all that the child gets
  ChildStream input = ChildStream::inherit;
  ChildStream output = ChildStream::inherit;
  ChildStream errors = ChildStream::pipe;
  /// Gives way to the training: nice 19, idle I/O class, and the first to go when memory runs out. What of it
  /// the system refuses (a service's system call filter) is left out silently.
  bool gives_way = false;
  std::uint64_t memory_bytes = 0;  ///< of private writable memory (RLIMIT_DATA); 0 = no limit of its own
  std::uint64_t cpu_seconds = 0;   ///< SIGXCPU then, SIGKILL five seconds later; 0 = no limit of its own
};

/// A child and the parent's ends of its pipes (-1 where there is none), all close-on-exec. Plain values:
/// whoever has them closes and reaps.
struct Spawned {
  pid_t pid = -1;
  int pidfd = -1;   ///< readable once the child has ended; -1 on a kernel without them
  int input = -1;   ///< a socket to write to
  int output = -1;  ///< to read from
  int errors = -1;
};

/// Starts the program. It leaves no core dump, has no descriptor but its three streams, default signal
/// handling, and dies with the thread that started it. Errors: not_found (no such program), denied,
/// unavailable; the child never ran then.
Result<Spawned> spawn(const SpawnOptions& options);

}  // namespace redflag::daemon
