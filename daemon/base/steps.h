// Start-up as an ordered list of named steps, and teardown that always runs: what was started is stopped, in
// reverse order, whether the start succeeded, failed half-way, or the daemon was told to go.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon {

class Steps {
 public:
  using Start = std::function<Result<void>()>;
  using Stop = std::function<void()>;

  Steps() = default;
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  ~Steps() { stop(); }

  void add(std::string name, Start start, Stop stop = {});
  /// Runs the steps in order; the first failure stops those already started and is returned.
  Result<void> start();
  /// Safe to call again; a stop that throws does not keep the others from running.
  void stop();

 private:
  struct Step {
    std::string name;
    Start start;
    Stop stop;
  };
  std::vector<Step> steps_;
  std::size_t started_ = 0;
};

}  // namespace redflag::daemon
