#include "daemon/inspection/inspection_service.h"

#include <algorithm>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/timed.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;
using tensors::Verdict;

asio::awaitable<bool> called(Event& event, std::uint64_t seen) {
  co_await event.wait_past(seen);
  co_return true;
}

}  // namespace

InspectionService::InspectionService(asio::any_io_executor executor, Clock& clock, Inspector& inspector,
                                     VerdictCache& cache, const FileProbe& files,
                                     InspectionServiceSettings settings, OnReport on_report)
    : clock_(clock),
      inspector_(inspector),
      cache_(cache),
      files_(files),
      settings_(settings),
      on_report_(std::move(on_report)),
      queue_(settings.queue_bound),
      background_(settings.cpu_share),
      urgent_(settings.urgent_cpu_share),
      changed_(std::move(executor)) {}

void InspectionService::request(InspectionJob job) {
  rechecks_.asked(job.path);
  queue_.request(std::move(job));
  changed_.set();
}

void InspectionService::forget(const std::string& path) {
  queue_.forget(path);
  vanished(path);
}

void InspectionService::vanished(const std::string& path) {
  rechecks_.done(path);
  cache_.forget(path);
}

InspectionState InspectionService::state() const {
  InspectionState state = told_;
  state.queued = queue_.size();
  state.being_written = rechecks_.size();
  state.dropped = queue_.dropped();
  if (state.blocked.empty()) state.blocked = inspector_.waiting_for();
  return state;
}

asio::awaitable<void> InspectionService::run() {
  for (;;) {
    const std::uint64_t seen = changed_.count();
    for (InspectionJob& job : rechecks_.take_due(clock_.monotonic())) queue_.request(std::move(job));
    if (queue_.empty()) {
      co_await idle(seen, settings_.linger);
      if (changed_.count() == seen) inspector_.rest();
      continue;
    }
    // What is asked for during the pause may be more urgent, and need not wait.
    if (const Duration wait = budget_wait(); wait > Duration::zero()) {
      co_await idle(seen, wait);
      continue;
    }
    const Result<void> handled = co_await handle(*queue_.take());
    if (!handled) co_await blocked(handled.error());
  }
}

Duration InspectionService::budget_wait() {
  return (queue_.next_is_urgent() ? urgent_ : background_).wait(clock_.monotonic());
}

/// Until something is asked for, a file is due to be looked at again, or `longest` has passed.
asio::awaitable<void> InspectionService::idle(std::uint64_t seen, Duration longest) {
  if (const auto due = rechecks_.next_due()) longest = std::min(longest, *due - clock_.monotonic());
  (void)co_await timed(clock_, longest, called(changed_, seen));
}

/// The error is the reader's, not the file's: the job is in the queue again.
asio::awaitable<Result<void>> InspectionService::handle(InspectionJob job) {
  const std::optional<FileIdentity> before = files_.identity_of(job.path);
  if (!before) {
    queue_.finish(job.path);
    vanished(job.path);
    co_return Result<void>{};
  }
  // However this ends (cancelled, too), the job is not lost.
  struct PutBack {
    InspectionService& self;
    InspectionJob* job;
    ~PutBack() {
      self.told_.inspecting.clear();
      if (job != nullptr) self.queue_.put_back(*job);
    }
  } put_back{*this, &job};
  queue_.began(job.path, *before);
  told_.inspecting = job.path;

  if (std::optional<FileReport> kept = co_await cache_.find(job.path, *before)) {
    put_back.job = nullptr;
    ++told_.answered_from_kept;
    settle(std::move(job), *before, std::move(*kept));
    co_return Result<void>{};
  }
  std::optional<InspectionAnswer> answer;
  std::vector<InspectionRequest> batch;
  batch.push_back({job.path, before->size});
  const Result<void> done =
      co_await inspector_.inspect(std::move(batch), [&](InspectionAnswer each) { answer = std::move(each); });
  if (!done || !answer) co_return done;
  told_.blocked.clear();
  pause_ = {};
  ++told_.inspected;
  background_.charge(clock_.monotonic(), answer->cpu);
  urgent_.charge(clock_.monotonic(), answer->cpu);
  put_back.job = nullptr;
  settle(std::move(job), *before, std::move(answer->report));
  co_return Result<void>{};
}

asio::awaitable<void> InspectionService::blocked(const Error& error) {
  const std::string why = error.text();
  if (told_.blocked != why) log_warning("inspect", "{}; files are not checked until that works", why);
  told_.blocked = why;
  pause_ = pause_ == Duration::zero() ? settings_.retry : std::min(pause_ * 2, settings_.longest_retry);
  co_await clock_.sleep(pause_);
}

void InspectionService::settle(InspectionJob job, const FileIdentity& before, FileReport report) {
  const InspectionQueue::Outcome outcome = queue_.finish(job.path);
  const std::optional<FileIdentity> after = files_.identity_of(job.path);
  // A checkpoint rotated away in mid-inspection is not a finding.
  if (!after || outcome == InspectionQueue::Outcome::gone) return vanished(job.path);
  if (outcome == InspectionQueue::Outcome::changed) return;
  if (report.inode == 0 && report.device == 0) {  // the reader did not come to open it
    report.size = before.size;
    report.modified_ns = before.modified_ns;
    report.inode = before.inode;
    report.device = before.device;
  }
  const bool changed = !(identity_in(report) == *after);
  if (changed || report.verdict == Verdict::in_progress) {
    if (report.verdict == Verdict::in_progress) on_report_(job.path, report);
    job.identity = *after;
    const std::string path = job.path;
    if (!rechecks_.add(std::move(job), clock_.monotonic()))
      log_warning("inspect",
                  "too many files are being written; {} is looked at again when the tree is listed", path);
    return;
  }
  rechecks_.done(job.path);
  cache_.keep(report);
  on_report_(job.path, report);
}

}  // namespace redflag::daemon
