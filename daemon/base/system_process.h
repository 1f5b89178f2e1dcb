// Real programs behind the process seam: pipes and a pidfd on the event loop, nothing that blocks it.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "daemon/base/process.h"

namespace redflag::daemon {

class SystemLauncher final : public ProcessLauncher {
 public:
  explicit SystemLauncher(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Result<std::unique_ptr<Process>> launch(SpawnOptions options) override;

 private:
  asio::any_io_executor executor_;
};

}  // namespace redflag::daemon
