#include "daemon/base/steps.h"

#include <exception>

#include "daemon/base/log.h"

namespace redflag::daemon {

void Steps::add(std::string name, Start start, Stop stop) {
  steps_.push_back({std::move(name), std::move(start), std::move(stop)});
}

Result<void> Steps::start() {
  for (; started_ < steps_.size(); ++started_) {
    Step& step = steps_[started_];
    log_debug("start", "{}", step.name);
    if (Result<void> done = step.start(); !done) {
      Error error = done.error();
      if (error.doing.empty()) error.doing = step.name;
      stop();
      return tl::unexpected<Error>(std::move(error));
    }
  }
  return {};
}

void Steps::stop() {
  while (started_ > 0) {
    Step& step = steps_[--started_];
    if (!step.stop) continue;
    log_debug("stop", "{}", step.name);
    try {
      step.stop();
    } catch (const std::exception& error) {
      log_error("stop", "{} failed: {}", step.name, error.what());
    }
  }
}

}  // namespace redflag::daemon
