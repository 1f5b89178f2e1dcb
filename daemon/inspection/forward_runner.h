// Runs redflag-forward, the one program that needs LibTorch: with a time limit and a memory limit, and an
// answer either way: its JSON, or why what it would have checked was not checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/process.h"
#include "daemon/inspection/memory_probe.h"

namespace redflag::daemon {

struct ForwardLimits {
  Duration timeout = std::chrono::minutes{10};
  std::uint64_t memory_bytes = std::uint64_t{4}
                               << 30;                 ///< of the child; it does not start with less available
  std::size_t longest_answer = std::size_t{4} << 20;  ///< bytes
  Duration farewell = std::chrono::seconds{10};       ///< for a killed child to be gone
};

struct ForwardAnswer {
  nlohmann::json result;    ///< an object; null when it was not checked
  std::string not_checked;  ///< why; empty when there is a result
  bool later = false;       ///< may it be different when tried again later (memory was short, time ran out)?

  bool checked() const { return not_checked.empty(); }
};

class ForwardRunner {
 public:
  /// `program`: path of redflag-forward. The references must outlive it.
  ForwardRunner(Clock& clock, ProcessLauncher& launcher, const MemoryProbe& memory, std::string program)
      : clock_(clock), launcher_(launcher), memory_(memory), program_(std::move(program)) {}

  /// One run. Cancellable (throws operation_aborted; the child is killed).
  asio::awaitable<ForwardAnswer> run(std::vector<std::string> arguments, ForwardLimits limits = {});

 private:
  Clock& clock_;
  ProcessLauncher& launcher_;
  const MemoryProbe& memory_;
  std::string program_;
};

}  // namespace redflag::daemon
