#include "daemon/inspection/inspector_process.h"

#include <utility>

namespace redflag::daemon {

asio::awaitable<bool> InspectorProcess::ask(std::string paths) {
  co_return co_await process_->write(paths);
}

asio::awaitable<InspectorProcess::Heard> InspectorProcess::listen() {
  for (;;) {
    const auto end = pending_.find('\n', searched_);
    if (end != std::string::npos) {
      line_.assign(pending_, begin_, end - begin_);
      begin_ = searched_ = end + 1;
      if (line_.size() > longest_line_) co_return Heard::too_long;
      if (begin_ == pending_.size()) {
        pending_.clear();
        pending_.shrink_to_fit();  // a report may have been 60 MB, the next one is not
        begin_ = searched_ = 0;
      }
      co_return Heard::line;
    }
    searched_ = pending_.size();
    if (pending_.size() - begin_ > longest_line_) co_return Heard::too_long;
    if (!co_await process_->read(pending_)) co_return Heard::end;
  }
}

Duration InspectorProcess::take_cpu_time() {
  const Duration total = process_->cpu_time();
  return total - std::exchange(cpu_taken_, total);
}

}  // namespace redflag::daemon
