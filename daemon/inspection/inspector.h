// Has files looked at by redflag-inspect, a child that may crash, hang or eat memory on any of them without
// harm: the file is named for it, and the others go on in a fresh child.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/process.h"
#include "daemon/inspection/autopsy.h"
#include "daemon/inspection/inspector_process.h"
#include "daemon/inspection/memory_probe.h"
#include "daemon/tensors/report.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct InspectorSettings {
  std::string program;             ///< path of redflag-inspect
  std::vector<std::string> roots;  ///< all that the child may read below
  unsigned threads = 1;
  bool drop_cache = false;
  std::uint64_t pace = 0;  ///< bytes a second that the child reads at most; 0: no limit
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;  ///< of address space of the child
  unsigned cpu_seconds = 3600;      ///< of one child, as a last resort: the clock's limits below come first
  std::size_t files_a_child = 500;  ///< then a fresh one
  Duration base_allowance = std::chrono::seconds{20};  ///< for each file, more by its size:
  std::uint64_t bytes_per_second = 50'000'000;         ///< a disk slower than this counts as hanging
  Duration farewell = std::chrono::seconds{10};        ///< for a killed child to be gone
  std::size_t longest_line = std::size_t{64} << 20;    ///< of an answer, in bytes
  std::uint64_t least_memory_available = std::uint64_t{512}
                                         << 20;      ///< of the machine's; no child starts below it
  Duration memory_again = std::chrono::seconds{10};  ///< when short: looked at again after this
  std::optional<Duration>
      memory_patience;  ///< an error when short for longer; none: waits as long as it takes
};

/// What a file cost, and what was found.
struct InspectionAnswer {
  tensors::FileReport report;
  Duration cpu{};  ///< of the child, for this file
};

/// One batch at a time. Coroutines throw operation_aborted when cancelled; the child is ended then.
class Inspector {
 public:
  /// The references must outlive it.
  Inspector(Clock& clock, ProcessLauncher& launcher, const MemoryProbe& memory, InspectorSettings settings);
  ~Inspector();
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  /// Calls `each` once per file, in order. An Error means that the program is missing, cannot work here, or
  /// may not start now (memory): files not answered until then were not checked, see not_checked_report(). A
  /// file at which a child died is tried once more in a child of its own before it is blamed; one that hung
  /// is not.
  asio::awaitable<Result<void>> inspect(std::vector<InspectionRequest> batch,
                                        std::function<void(InspectionAnswer)> each);

  /// Ends the child until there is something to do.
  void rest();

  /// "memory is short: …" while a child may not start for it; empty otherwise.
  const std::string& waiting_for() const { return waiting_for_; }

 private:
  using Batch = std::vector<InspectionRequest>;
  using Each = std::function<void(InspectionAnswer)>;
  enum class Heard : std::uint8_t { report, end, nonsense, too_long };

  asio::awaitable<Result<void>> run_batch(const Batch& batch, const Each& each);
  /// A child that may be asked: the one there is, or a new one.
  asio::awaitable<Result<void>> have_child(std::size_t at);
  asio::awaitable<Result<void>> wait_for_memory();
  Result<std::unique_ptr<Process>> start();
  asio::awaitable<Result<void>> works_at_all();

  asio::awaitable<std::optional<ReaderFailure>> answer(const Batch& batch, std::size_t at, bool alone,
                                                       tensors::FileReport& report);
  asio::awaitable<Heard> talk(const Batch& batch, std::size_t at, std::size_t until,
                              tensors::FileReport& report);
  asio::awaitable<std::optional<ProcessEnd>> end_of(Process& process);
  ReaderFailure failure(ReaderFailure::Kind kind) const;
  Duration allowance(const InspectionRequest& request) const;

  Clock& clock_;
  ProcessLauncher& launcher_;
  const MemoryProbe& memory_;
  InspectorSettings settings_;
  std::unique_ptr<InspectorProcess> child_;
  std::size_t asked_until_ = 0;     ///< index into the batch: all before it were given to the child
  std::unique_ptr<Process> stuck_;  ///< was killed and is not gone
  std::string waiting_for_;
};

/// The answer in `line`, if it is one about `path`.
std::optional<tensors::FileReport> report_about(const std::string& path, std::string_view line);

}  // namespace redflag::daemon
