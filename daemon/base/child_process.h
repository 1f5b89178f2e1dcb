// A program of ours as a child: its standard error comes back line by line. It dies with its parent.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <sys/types.h>

#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

class ChildProcess {
 public:
  /// Starts `program` (a path). `environment` replaces the parent's. Arguments are visible to everybody: no
  /// secrets. Errors as of spawn().
  static Result<ChildProcess> start(asio::any_io_executor executor, const std::string& program,
                                    const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  /// Kills it if it still runs, and waits for it.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Calls `each` for every line of its standard error; returns when that is closed. Lines over 1 MiB are
  /// cut.
  asio::awaitable<void> read_lines(std::function<void(std::string_view)> each);
  /// Blocks until it has ended; the exit code, or 128 + the signal that killed it.
  int wait();

 private:
  ChildProcess(pid_t pid, asio::posix::stream_descriptor stream) : pid_(pid), stream_(std::move(stream)) {}

  pid_t pid_;
  asio::posix::stream_descriptor stream_;
};

/// Another program of ours: beside the running one ("/usr/bin/redflagd" for /usr/bin/redflag), else in
/// ../libexec/redflag, where the packages put what people do not start themselves. It need not exist.
std::string sibling_program(const std::string& name);

/// The same for a given folder of the running program, with "/" at its end.
std::string program_near(const std::string& folder, const std::string& name);

}  // namespace redflag::daemon
