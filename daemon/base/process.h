// Programs of ours as seen by what starts them: the seam behind which tests put scripted ones.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/spawn.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// How a program ended.
struct ProcessEnd {
  int code = 0;    ///< exit code; 0 when a signal ended it
  int signal = 0;  ///< that ended it; 0 when it ended by itself
  bool operator==(const ProcessEnd&) const = default;

  bool clean() const { return code == 0 && signal == 0; }
  /// "exit code 3", "SIGSEGV"
  std::string text() const;
};

/// One running program. Use it on the loop's thread; its coroutines end before it is destroyed.
class Process {
 public:
  /// Kills it if it still runs. Never waits for it.
  virtual ~Process() = default;

  /// Resumes when all of it was written; false when the program does not read any more. Cancellable, as are
  /// the others.
  virtual asio::awaitable<bool> write(std::string_view bytes) = 0;
  /// Its standard input ends here.
  virtual void close_input() = 0;
  /// Appends what its standard output has, at least a byte; false at the end of it.
  virtual asio::awaitable<bool> read(std::string& into) = 0;
  /// Resumes when it has ended.
  virtual asio::awaitable<ProcessEnd> ended() = 0;
  virtual void kill() = 0;
  /// Of all its threads, so far.
  virtual Duration cpu_time() const = 0;
  /// The last line it wrote to standard error, printable and at most 500 bytes; empty when there was none.
  virtual std::string last_words() const = 0;
};

class ProcessLauncher {
 public:
  virtual ~ProcessLauncher() = default;
  /// The streams in `options` are set by the launcher: input and output are pipes, errors go to the log at
  /// debug.
  virtual Result<std::unique_ptr<Process>> launch(SpawnOptions options) = 0;
};

}  // namespace redflag::daemon
