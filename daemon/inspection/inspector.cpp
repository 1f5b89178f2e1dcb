#include "daemon/inspection/inspector.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "daemon/base/log.h"
#include "daemon/base/timed.h"
#include "daemon/tensors/report_json.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX without its NUL
constexpr std::size_t kAhead = 4;           // files that a child is told of before it has answered the first
constexpr std::size_t kAheadBytes = 8192;   // far below what a socket holds, so that telling never waits
constexpr std::size_t kProbeBytes = 64 << 10;  // that a child without files may say

/// Why the kernel could not even be asked for this path; nullptr when it can.
const char* unaskable(const std::string& path) {
  if (path.empty() || path.front() != '/') return "its path is not absolute";
  if (path.find('\0') != std::string::npos) return "its path has a NUL in it";
  if (path.size() > kLongestPath) return "its path is longer than 4,095 bytes";
  return nullptr;
}

/// Everything it says until it is done; false when that is more than it should.
asio::awaitable<bool> hear_out(Process& process) {
  std::string said;
  for (;;) {
    // Not in the loop's condition: GCC 12 makes an illegal instruction of that.
    const bool more = co_await process.read(said);
    if (!more) co_return true;
    if (said.size() > kProbeBytes) co_return false;
  }
}

}  // namespace

std::optional<FileReport> report_about(const std::string& path, std::string_view line) {
  std::optional<FileReport> report = tensors::report_from_json(line);
  if (!report || report->path != path) return std::nullopt;
  return report;
}

Inspector::Inspector(Clock& clock, ProcessLauncher& launcher, const MemoryProbe& memory,
                     InspectorSettings settings)
    : clock_(clock), launcher_(launcher), memory_(memory), settings_(std::move(settings)) {}

Inspector::~Inspector() = default;

void Inspector::rest() {
  child_.reset();
}

asio::awaitable<Result<void>> Inspector::inspect(std::vector<InspectionRequest> batch,
                                                 std::function<void(InspectionAnswer)> each) {
  // Whoever cancels leaves a child in the middle of an answer: it is of no use to the next batch.
  struct Leave {
    Inspector& self;
    bool done = false;
    ~Leave() {
      self.waiting_for_.clear();
      if (!done) self.child_.reset();
    }
  } leave{*this};
  asked_until_ = 0;
  Result<void> result = co_await run_batch(batch, each);
  leave.done = result.has_value();
  co_return result;
}

asio::awaitable<Result<void>> Inspector::run_batch(const Batch& batch, const Each& each) {
  std::optional<std::size_t> suspect;  // a child died at it: it gets another for itself
  Duration spent{};
  for (std::size_t at = 0; at < batch.size();) {
    if (const char* why = unaskable(batch[at].path); why != nullptr) {
      each({not_checked_report(batch[at], why), {}});
      asked_until_ = std::max(asked_until_, ++at);
      continue;
    }
    if (Result<void> had = co_await have_child(at); !had) co_return had;
    const bool alone = suspect == at;
    FileReport report;
    std::optional<ReaderFailure> failed = co_await answer(batch, at, alone, report);
    spent += child_ ? child_->take_cpu_time() : Duration{};
    if (!failed) {
      each({std::move(report), std::exchange(spent, {})});
      ++at;
      if (++child_->answered >= settings_.files_a_child || alone) rest();
      continue;
    }
    rest();
    const bool hung = failed->kind == ReaderFailure::Kind::hung;
    if (!hung && !alone) {
      log_info("inspect", "{} ({}); trying that file again in a reader of its own",
               blamed_report(batch[at], *failed).reason, batch[at].path);
      suspect = at;
      continue;
    }
    if (!hung) {
      if (Result<void> works = co_await works_at_all(); !works) co_return works;
    }
    each({blamed_report(batch[at], *failed), std::exchange(spent, {})});
    ++at;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Inspector::have_child(std::size_t at) {
  if (child_) co_return Result<void>{};
  if (Result<void> enough = co_await wait_for_memory(); !enough) co_return enough;
  if (stuck_) {
    if (!co_await timed(clock_, std::chrono::seconds{1}, stuck_->ended())) {
      co_return fail(
          ErrorCode::unavailable, "starting " + settings_.program,
          "the reader before it was killed and does not end: its disk or network file system hangs",
          "see which with `dmesg` and `mount`", true);
    }
    stuck_.reset();
  }
  Result<std::unique_ptr<Process>> started = start();
  if (!started) co_return tl::unexpected<Error>(std::move(started.error()));
  child_ = std::make_unique<InspectorProcess>(std::move(*started), settings_.longest_line);
  asked_until_ = at;
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Inspector::wait_for_memory() {
  const Duration since = clock_.monotonic();
  for (;;) {
    const std::optional<std::uint64_t> available = memory_.available_bytes();
    if (!available || *available >= settings_.least_memory_available) break;
    const std::string short_of =
        fmt::format("memory is short: {} available, files are read from {} on", human_bytes(*available),
                    human_bytes(settings_.least_memory_available));
    if (settings_.memory_patience && clock_.monotonic() - since >= *settings_.memory_patience) {
      waiting_for_.clear();
      co_return fail(ErrorCode::unavailable, "starting " + settings_.program, short_of, {}, true);
    }
    if (waiting_for_.empty()) log_info("inspect", "{}; waiting", short_of);
    waiting_for_ = short_of;
    co_await clock_.sleep(settings_.memory_again);
  }
  waiting_for_.clear();
  co_return Result<void>{};
}

Result<std::unique_ptr<Process>> Inspector::start() {
  SpawnOptions options;
  options.program = settings_.program;
  options.arguments = {"--threads",     std::to_string(settings_.threads),       //
                       "--memory",      std::to_string(settings_.memory_bytes),  //
                       "--cpu-seconds", std::to_string(settings_.cpu_seconds)};
  if (settings_.drop_cache) options.arguments.push_back("--drop-cache");
  if (settings_.pace != 0)
    options.arguments.insert(options.arguments.end(), {"--pace", std::to_string(settings_.pace)});
  for (const std::string& root : settings_.roots) {
    options.arguments.push_back("--root");
    options.arguments.push_back(root);
  }
  options.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  options.gives_way = true;
  return launcher_.launch(std::move(options));
}

asio::awaitable<Result<void>> Inspector::works_at_all() {
  if (Result<void> had = co_await have_child(0); !had) co_return had;
  const std::unique_ptr<Process> probe = child_->take_process();
  rest();
  probe->close_input();
  const std::optional<bool> heard = co_await timed(clock_, settings_.base_allowance, hear_out(*probe));
  if (!heard || !*heard) probe->kill();
  const std::optional<ProcessEnd> end = co_await end_of(*probe);
  if (heard && *heard && end && end->clean()) co_return Result<void>{};
  std::string what = !heard || !end ? "it hangs even without a file to read"
                                    : fmt::format("it ends with {} even without a file to read", end->text());
  if (!probe->last_words().empty()) what += fmt::format("; its last words: {}", probe->last_words());
  co_return fail(ErrorCode::unavailable, "starting " + settings_.program, std::move(what),
                 "install the same version of all of redflag's programs", true);
}

asio::awaitable<std::optional<ReaderFailure>> Inspector::answer(const Batch& batch, std::size_t at,
                                                                bool alone, FileReport& report) {
  const std::size_t left = settings_.files_a_child - std::min(settings_.files_a_child, child_->answered);
  const std::size_t ahead = alone ? 1 : std::clamp<std::size_t>(left, 1, kAhead);
  const Duration allowed = allowance(batch[at]);
  const std::optional<Heard> heard =
      co_await timed(clock_, allowed, talk(batch, at, std::min(batch.size(), at + ahead), report));
  if (heard == Heard::report) co_return std::nullopt;

  ReaderFailure failed = failure(!heard                     ? ReaderFailure::Kind::hung
                                 : heard == Heard::end      ? ReaderFailure::Kind::died
                                 : heard == Heard::too_long ? ReaderFailure::Kind::too_long_answer
                                                            : ReaderFailure::Kind::bad_answer);
  failed.allowed = allowed;
  Process& process = child_->process();
  if (heard != Heard::end) process.kill();
  const std::optional<ProcessEnd> end = co_await end_of(process);
  failed.end = end.value_or(ProcessEnd{0, SIGKILL});
  failed.last_words = process.last_words();
  if (!end) stuck_ = child_->take_process();
  if (!end) rest();
  co_return failed;
}

asio::awaitable<Inspector::Heard> Inspector::talk(const Batch& batch, std::size_t at, std::size_t until,
                                                  FileReport& report) {
  std::size_t told = 0;
  for (std::size_t i = at; i < asked_until_; ++i) told += batch[i].path.size() + 1;
  std::string paths;
  for (; asked_until_ < until; ++asked_until_) {
    const std::string& path = batch[asked_until_].path;
    if (unaskable(path) != nullptr || (asked_until_ != at && told + path.size() >= kAheadBytes)) break;
    paths.append(path.c_str(), path.size() + 1);
    told += path.size() + 1;
  }
  // When it reads no more, listening tells why.
  if (!paths.empty()) (void)co_await child_->ask(std::move(paths));
  switch (co_await child_->listen()) {
    case InspectorProcess::Heard::end:
      co_return Heard::end;
    case InspectorProcess::Heard::too_long:
      co_return Heard::too_long;
    case InspectorProcess::Heard::line:
      break;
  }
  std::optional<FileReport> said = report_about(batch[at].path, child_->line());
  if (!said) co_return Heard::nonsense;
  report = std::move(*said);
  co_return Heard::report;
}

/// nullopt: it was killed and is not gone.
asio::awaitable<std::optional<ProcessEnd>> Inspector::end_of(Process& process) {
  std::optional<ProcessEnd> end = co_await timed(clock_, settings_.farewell, process.ended());
  if (end) co_return end;
  process.kill();
  co_return co_await timed(clock_, settings_.farewell, process.ended());
}

ReaderFailure Inspector::failure(ReaderFailure::Kind kind) const {
  ReaderFailure failed;
  failed.kind = kind;
  failed.limit =
      kind == ReaderFailure::Kind::too_long_answer ? settings_.longest_line : settings_.memory_bytes;
  failed.cpu_seconds = settings_.cpu_seconds;
  return failed;
}

Duration Inspector::allowance(const InspectionRequest& request) const {
  // A sparse file can claim exabytes: a day is enough for anything.
  constexpr double kLongest = 24.0 * 3600.0;
  const double seconds = static_cast<double>(request.size) / static_cast<double>(settings_.bytes_per_second);
  return settings_.base_allowance +
         std::chrono::floor<Duration>(std::chrono::duration<double>(std::min(seconds, kLongest)));
}

}  // namespace redflag::daemon
