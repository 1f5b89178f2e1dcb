#include "daemon/monitor/committer.h"

#include <algorithm>

#include "daemon/base/log.h"

namespace redflag::daemon {

using namespace std::chrono_literals;

Committer::Committer(asio::any_io_executor executor, Clock& clock, Store& store)
    : clock_(clock), store_(store), work_(executor), done_(executor) {}

void Committer::post(Commit commit) {
  if (commit.empty()) return;
  pending_.append(std::move(commit));
  ++issued_;
  work_.set();
}

asio::awaitable<void> Committer::submit(Commit commit) {
  post(std::move(commit));
  const std::uint64_t ticket = issued_;
  while (committed_ < ticket) {
    const std::uint64_t seen = done_.count();
    co_await done_.wait_past(seen);
  }
}

asio::awaitable<void> Committer::run() {
  for (;;) {
    const std::uint64_t seen = work_.count();
    if (committed_ == issued_) {
      co_await work_.wait_past(seen);
      continue;
    }
    const std::uint64_t target = issued_;
    co_await write(std::exchange(pending_, {}));
    committed_ = target;
    done_.set();
  }
}

asio::awaitable<void> Committer::write(Commit commit) {
  Duration pause = 1s;
  for (;;) {
    Result<void> done = co_await store_.commit(Commit(commit));
    if (done) break;
    if (failing_since_ == Time{}) {
      failing_since_ = clock_.now();
      log_critical("store", "{}; keeping everything in memory and trying again", done.error().text());
    }
    co_await clock_.sleep(pause);
    pause = std::min<Duration>(pause * 2, 30s);
  }
  if (failing_since_ != Time{}) {
    log_info("store", "writing again after {}; nothing was lost",
             human_duration(clock_.now() - failing_since_));
    failing_since_ = {};
  }
}

}  // namespace redflag::daemon
