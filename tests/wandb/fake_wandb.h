// A few lines of W&B for these tests: runs in memory, answered by the variables of redflag's own questions,
// with faults on demand; a clock on which waiting takes no time; and an intake that remembers what it was
// told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/monitor/intake.h"
#include "daemon/net/http.h"
#include "daemon/wandb/wandb_poller.h"

namespace redflag::daemon::test {

inline const Time kStart = Time{std::chrono::seconds{1'800'000'000}};

class FakeClock : public Clock {
 public:
  Time now() const override { return kStart + elapsed_; }
  Duration monotonic() const override { return elapsed_; }
  asio::awaitable<void> sleep(Duration duration) override;
  void advance(Duration by) { elapsed_ += by; }
  std::vector<Duration> sleeps;
  std::function<void()> on_sleep;

 private:
  Duration elapsed_{};
};

struct FakeRun {
  std::string id = {};
  std::string name = {};
  std::string state = "running";
  Time created = kStart;
  Time heartbeat = kStart;
  std::vector<std::string> tags = {};
  nlohmann::json config = nlohmann::json::object();
  nlohmann::json summary = nlohmann::json::object();
  nlohmann::json system_metrics = nlohmann::json::object();
  std::map<std::int64_t, std::string> rows = {};  ///< `_step` -> JSON text
  std::int64_t last_step = -2;                    ///< -2 = that of the last row

  void log(std::int64_t step, nlohmann::json row);
};

/// What a question was about, for faults and for counting.
struct Asked {
  std::string operation;  ///< "RedflagRuns", "RedflagRun", "RedflagHistory"
  nlohmann::json variables;
  HttpRequest request;
  bool about(const std::string& run) const;  ///< names that run
};

class FakeWandb : public HttpTransport {
 public:
  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override;

  FakeRun& add(FakeRun run);
  std::map<std::string, FakeRun> runs;
  std::vector<Asked> asked;
  /// When it gives something, that is the answer.
  std::function<std::optional<Result<HttpResponse>>(const Asked&)> fault;
  /// May change the answer's body.
  std::function<void(nlohmann::json&, const Asked&)> edit;
  bool project_exists = true;
  Clock* clock = nullptr;
  Duration latency{};

  std::size_t count(const std::string& operation) const;

 private:
  nlohmann::json answer(const Asked& question) const;
};

class FakeIntake : public Intake {
 public:
  asio::awaitable<Result<void>> submit(SourceBatch batch) override;
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override;
  const RunInfo* run(const std::string& key) const override;

  std::vector<SourceBatch> batches;
  std::vector<SourceBatch::Input> inputs;  ///< of all batches, in order
  std::map<std::string, std::string> cursors;
  std::map<std::string, RunInfo> runs;
  bool disk_full = false;

  /// `train_loss` rows of a run as "step:value", in order.
  std::vector<std::string> curve(const std::string& run, const std::string& metric = "train_loss") const;
  std::vector<std::int64_t> sequence(const std::string& run) const;
  /// Everything about a run in order: "row", "summary", "facts running", "facts finished", "facts" (no
  /// state), "mark", "gone".
  std::vector<std::string> story(const std::string& run) const;
  /// The last told value of an attribute; nullopt when never told.
  std::optional<Attribute> attribute(const std::string& subject, const std::string& name) const;
  std::size_t times_told(const std::string& subject, const std::string& name) const;
};

/// All of it wired up, and a poller on top.
struct Bench {
  Bench();
  explicit Bench(WandbPollerOptions options);

  PollSummary poll();
  void polls(int count, Duration apart = std::chrono::seconds{15});
  /// A new process with the same committed state.
  void restart();
  /// Runs the poller's own loop for so long (simulated).
  void run_for(Duration time);

  asio::io_context context;
  FakeClock clock;
  FakeWandb wandb;
  FakeIntake intake;
  MetricNames names;
  WandbPollerOptions options;
  GraphqlClient client;
  std::vector<PollSummary> polled;
  std::unique_ptr<WandbPoller> poller;

  static std::string key(const std::string& run) { return "api.wandb.ai/ent/proj/" + run; }
};

Result<HttpResponse> http(int status, std::string body = "{}", std::vector<HttpHeader> headers = {});
Result<HttpResponse> unreachable();

}  // namespace redflag::daemon::test
