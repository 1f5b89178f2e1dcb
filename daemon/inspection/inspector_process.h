// One running redflag-inspect: paths go in, each ended by a NUL; lines come out, one a path, in their order.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/process.h"

namespace redflag::daemon {

/// Exit code of redflag-inspect and redflag-forward when an allocation was refused by their own limit.
constexpr int kChildOutOfMemory = 65;

class InspectorProcess {
 public:
  InspectorProcess(std::unique_ptr<Process> process, std::size_t longest_line)
      : process_(std::move(process)), longest_line_(longest_line) {}

  enum class Heard { line, end, too_long };

  /// false: it reads no more.
  asio::awaitable<bool> ask(std::string paths);
  /// The next line, without its end, is in line() then. Text without an end of line is no line.
  asio::awaitable<Heard> listen();
  std::string_view line() const { return line_; }

  /// CPU time since the last call.
  Duration take_cpu_time();
  Process& process() { return *process_; }

  std::unique_ptr<Process> take_process() { return std::move(process_); }

  std::size_t answered = 0;  ///< files, counted by its user

 private:
  std::unique_ptr<Process> process_;
  std::size_t longest_line_;
  std::string pending_;  ///< read and not given out yet; begins at `begin_`
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;
  std::string line_;
  Duration cpu_taken_{};
};

}  // namespace redflag::daemon
