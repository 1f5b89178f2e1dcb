// A world for inspections to happen in: simulated time, scripted readers, files and memory that are what the
// test says.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/base/event.h"
#include "daemon/base/process.h"
#include "daemon/base/simulated_clock.h"
#include "daemon/inspection/file_identity.h"
#include "daemon/inspection/memory_probe.h"
#include "daemon/tensors/report_json.h"

namespace redflag::daemon::test {

using namespace std::chrono_literals;

/// What a scripted reader does with one path.
struct Act {
  Duration takes{};
  Duration cpu{};
  std::optional<std::string> says;  ///< none: a report that all is well
  std::optional<ProcessEnd> ends;   ///< dies instead of answering
  bool hangs = false;
};

struct Files final : FileProbe {
  std::map<std::string, FileIdentity> there;

  void put(const std::string& path, std::uint64_t size = 1000, std::int64_t modified_ns = 1) {
    there[path] = {.size = size, .modified_ns = modified_ns, .inode = 7, .device = 8};
  }
  std::optional<FileIdentity> identity_of(const std::string& path) const override {
    const auto found = there.find(path);
    return found == there.end() ? std::nullopt : std::optional(found->second);
  }
};

struct Memory final : MemoryProbe {
  std::optional<std::uint64_t> available = std::uint64_t{8} << 30;
  std::optional<std::uint64_t> available_bytes() const override { return available; }
};

class ScriptedLauncher;

class ScriptedProcess final : public Process {
 public:
  ScriptedProcess(ScriptedLauncher& launcher, int number);
  ~ScriptedProcess() override;

  asio::awaitable<bool> write(std::string_view bytes) override;
  void close_input() override {
    closed_ = true;
    changed_.set();
  }
  asio::awaitable<bool> read(std::string& into) override;
  asio::awaitable<ProcessEnd> ended() override {
    while (!end_) co_await changed_.wait_past(changed_.count());
    co_return *end_;
  }
  void kill() override;
  Duration cpu_time() const override { return cpu_; }
  std::string last_words() const override { return last_words_; }

 private:
  void end(ProcessEnd how) {
    if (!end_) end_ = how;
    changed_.set();
  }

  ScriptedLauncher& launcher_;
  int number_;
  Event changed_;
  std::deque<std::string> asked_;
  std::string partial_;
  bool closed_ = false;
  std::optional<ProcessEnd> end_;
  Duration cpu_{};
  std::string last_words_;
};

/// Every test of its own: `script` says what the reader number N (from 1) does with a path.
class ScriptedLauncher final : public ProcessLauncher {
 public:
  ScriptedLauncher(asio::io_context& context, SimulatedClock& clock, const Files& files)
      : context_(context), clock_(clock), files_(files) {}

  std::function<Act(const std::string& path, int number)> script = [](const auto&, int) { return Act{}; };
  std::optional<Error> refuses;            ///< to start anything
  std::optional<ProcessEnd> ends_unasked;  ///< every reader, before it reads
  bool immortal = false;                   ///< a kill has no effect: a disk that hangs
  std::string last_words;
  std::vector<SpawnOptions> launched;
  std::vector<std::pair<std::string, int>> asked;  ///< path, number of the reader
  int running = 0;
  int most_running = 0;

  Result<std::unique_ptr<Process>> launch(SpawnOptions options) override {
    if (refuses) return tl::unexpected<Error>(*refuses);
    launched.push_back(std::move(options));
    return std::unique_ptr<Process>(new ScriptedProcess(*this, static_cast<int>(launched.size())));
  }
  asio::any_io_executor executor() { return context_.get_executor(); }
  SimulatedClock& clock() { return clock_; }

  std::string good_report(const std::string& path) const {
    tensors::FileReport report;
    report.path = path;
    report.verdict = tensors::Verdict::ok;
    report.kind = tensors::FileKind::torch_zip;
    if (const auto identity = files_.identity_of(path)) {
      report.size = identity->size;
      report.modified_ns = identity->modified_ns;
      report.inode = identity->inode;
      report.device = identity->device;
    }
    return tensors::to_json(report);
  }
  std::vector<std::string> order() const {
    std::vector<std::string> paths;
    for (const auto& [path, number] : asked) paths.push_back(path);
    return paths;
  }

 private:
  asio::io_context& context_;
  SimulatedClock& clock_;
  const Files& files_;
};

inline ScriptedProcess::ScriptedProcess(ScriptedLauncher& launcher, int number)
    : launcher_(launcher), number_(number), changed_(launcher.executor()), last_words_(launcher.last_words) {
  launcher_.most_running = std::max(launcher_.most_running, ++launcher_.running);
  end_ = launcher_.ends_unasked;
}

inline ScriptedProcess::~ScriptedProcess() {
  --launcher_.running;
}

inline asio::awaitable<bool> ScriptedProcess::write(std::string_view bytes) {
  if (end_) co_return false;
  partial_ += bytes;
  for (auto end = partial_.find('\0'); end != std::string::npos; end = partial_.find('\0')) {
    asked_.push_back(partial_.substr(0, end));
    partial_.erase(0, end + 1);
  }
  changed_.set();
  co_return true;
}

inline asio::awaitable<bool> ScriptedProcess::read(std::string& into) {
  while (!end_) {
    if (asked_.empty()) {
      if (closed_) end({0, 0});
      if (!closed_) co_await changed_.wait_past(changed_.count());
      continue;
    }
    const std::string path = asked_.front();
    asked_.pop_front();
    launcher_.asked.emplace_back(path, number_);
    const Act act = launcher_.script(path, number_);
    const std::string says =
        act.says.value_or(launcher_.good_report(path));  // as the file was when it was opened
    if (act.hangs) co_await launcher_.clock().sleep(std::chrono::hours{100'000});
    if (act.takes > Duration::zero()) co_await launcher_.clock().sleep(act.takes);
    cpu_ += act.cpu;
    if (act.ends) {
      end(*act.ends);
      break;
    }
    into += says + "\n";
    co_return true;
  }
  co_return false;
}

inline void ScriptedProcess::kill() {
  if (!launcher_.immortal) end({0, 9});
}

struct World {
  asio::io_context context;
  SimulatedClock clock{*parse_rfc3339("2026-11-23T03:00:00Z")};
  Files files;
  Memory memory;
  ScriptedLauncher launcher{context, clock, files};

  /// Runs a coroutine to its end in simulated time.
  template <typename T>
  T run(asio::awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      result.emplace(std::move(value));
    });
    clock.run_for(context, std::chrono::hours{1000}, [&] { return result.has_value(); });
    if (!result) throw std::runtime_error("the coroutine never finished");
    return std::move(*result);
  }
  Duration since_start() const { return clock.now() - *parse_rfc3339("2026-11-23T03:00:00Z"); }
};

inline bool has_finding(const tensors::FileReport& report, const std::string& code) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const tensors::Finding& finding) { return finding.code == code; });
}

}  // namespace redflag::daemon::test
