// The daemon's inspection of tensor files: takes what is asked for in order of importance, answers from kept
// verdicts where a file has not changed, has the others read by a child within a CPU budget, and looks again
// at what was not finished yet.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/inspection/cpu_budget.h"
#include "daemon/inspection/inspection_queue.h"
#include "daemon/inspection/inspector.h"
#include "daemon/inspection/recheck_schedule.h"
#include "daemon/inspection/verdict_cache.h"

namespace redflag::daemon {

struct InspectionServiceSettings {
  std::size_t queue_bound = 10'000;
  double cpu_share = 0.5;                      ///< of one core, over a minute: for what nobody waits for
  double urgent_cpu_share = 1.0;               ///< the same while a newest checkpoint is read
  Duration linger = std::chrono::seconds{10};  ///< an idle child is ended after this
  Duration retry = std::chrono::minutes{1};    ///< after the reader could not start; doubled each time up to:
  Duration longest_retry = std::chrono::minutes{10};
};

/// For status and for the daemon's own health.
struct InspectionState {
  std::size_t queued = 0;
  std::size_t being_written = 0;  ///< looked at again later
  std::uint64_t inspected = 0;    ///< read by a child
  std::uint64_t answered_from_kept = 0;
  std::uint64_t dropped = 0;  ///< did not fit into the queue, ever
  std::string inspecting;     ///< path; "" when idle
  /// Why nothing is being read though there is something to read: the reader is missing, memory is short. ""
  /// = all is well.
  std::string blocked;
};

/// One thread. Destroy it when run() has ended.
class InspectionService {
 public:
  using OnReport = std::function<void(const std::string& path, const tensors::FileReport& report)>;

  /// The references must outlive it. `on_report` is called on the loop's thread, from run().
  InspectionService(asio::any_io_executor executor, Clock& clock, Inspector& inspector, VerdictCache& cache,
                    const FileProbe& files, InspectionServiceSettings settings, OnReport on_report);

  /// Looks at the file, now or later; asking again replaces. A file that is gone by then is left out without
  /// a word.
  void request(InspectionJob job);
  /// It is gone: nothing more is said of it, nothing kept.
  void forget(const std::string& path);

  /// Back-pressure for those who can wait; see InspectionQueue.
  bool wants_more() const { return queue_.wants_more(); }
  bool wants_rescan() const { return queue_.wants_rescan(); }
  std::uint64_t begin_rescan() { return queue_.begin_rescan(); }

  /// Runs until cancelled (then throws operation_aborted, as the clock does).
  asio::awaitable<void> run();

  InspectionState state() const;

 private:
  asio::awaitable<void> idle(std::uint64_t seen, Duration longest);
  asio::awaitable<Result<void>> handle(InspectionJob job);
  asio::awaitable<void> blocked(const Error& error);
  void settle(InspectionJob job, const FileIdentity& before, tensors::FileReport report);
  void vanished(const std::string& path);
  Duration budget_wait();

  Clock& clock_;
  Inspector& inspector_;
  VerdictCache& cache_;
  const FileProbe& files_;
  InspectionServiceSettings settings_;
  OnReport on_report_;
  InspectionQueue queue_;
  RecheckSchedule rechecks_;
  CpuBudget background_;
  CpuBudget urgent_;
  Event changed_;
  InspectionState told_;
  Duration pause_{};
};

}  // namespace redflag::daemon
