// The heart of the daemon: takes what the sources learnt, runs it through the rules, makes it durable, then
// lets the alerts go.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/base/task_group.h"
#include "daemon/monitor/announcer.h"
#include "daemon/monitor/committer.h"
#include "daemon/monitor/courier.h"
#include "daemon/monitor/intake.h"
#include "daemon/monitor/operations.h"
#include "daemon/monitor/pipeline.h"
#include "daemon/monitor/progress.h"
#include "daemon/overview/known_facts.h"
#include "daemon/overview/traces.h"

namespace redflag::daemon {

struct MonitorOptions {
  alerts::LifecycleOptions lifecycle;
  CourierOptions courier;
  std::optional<Duration> digest_at;                      ///< after midnight UTC; nullopt: no daily digest
  std::string boot_id;                                    ///< of the machine; empty when unknown
  Duration progress_interval = std::chrono::seconds{30};  ///< of the log's line for each run
  std::size_t most_recalled = 1000;  ///< runs that ended before the start and get their curves back
  Duration retention = std::chrono::hours{24 * 90};  ///< of points of ended runs and of ended alerts
};

class Monitor : public Intake, public Operations {
 public:
  Monitor(asio::any_io_executor executor, Clock& clock, Store& store, std::shared_ptr<const RuleSet> rules,
          std::vector<std::unique_ptr<Channel>> channels, alerts::Router router, MonitorOptions options);

  /// Reads what was kept and rebuilds windows, alerts and the outbox from it. Before start().
  /// `on_point` gets each point of a run that has not ended, as it was kept.
  Result<void> resume(const std::function<void(const Observation&)>& on_point = {});
  /// Starts ticking, writing, delivering and pruning.
  void start();
  /// Sources have stopped: lets what is under way become durable and go out, then stops. At most `patience`.
  asio::awaitable<void> stop(Duration patience);

  asio::awaitable<Result<void>> submit(SourceBatch batch) override;
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override;
  const RunInfo* run(const std::string& key) const override;

  std::vector<AlertView> alerts() const override;
  Result<AlertView> alert(const std::string& id) const override;
  asio::awaitable<Result<AlertView>> acknowledge(std::string id, std::string by,
                                                 std::string comment) override;
  asio::awaitable<Result<AlertView>> unacknowledge(std::string id) override;
  std::vector<alerts::Silence> silences() const override;
  std::vector<AlertView> preview(const alerts::Silence& silence) const override;
  asio::awaitable<Result<alerts::Silence>> add_silence(alerts::Silence silence) override;
  asio::awaitable<Result<alerts::Silence>> end_silence(std::string id) override;
  std::vector<OutboxEntry> outbox() const override { return courier_.outbox(); }
  asio::awaitable<Result<std::size_t>> retry(std::vector<std::string> ids) override {
    return courier_.retry(std::move(ids));
  }
  asio::awaitable<Result<std::size_t>> drop(std::vector<std::string> ids) override {
    return courier_.drop(std::move(ids));
  }
  std::vector<alerts::ChannelHealth> channels() const override { return courier_.health(); }

  /// Something redflag says of itself, through every channel.
  void announce(Severity severity, std::string title, std::string text);

  /// A loop that does not move any more, in words; empty: all do. An outage is no standstill. Ask every few
  /// seconds.
  std::string stuck();

  /// Something to keep that nobody waits for.
  void post(Commit commit) { committer_.post(std::move(commit)); }

  /// The newest training step that a run has told; -1 = none.
  std::int64_t step_of(const std::string& run) const { return traces_.step_of(run); }
  const RunTraces& traces() const { return traces_; }
  const KnownFacts& known_facts() const { return known_facts_; }
  /// Grows with everything that is taken in or done.
  std::uint64_t revision() const { return revision_; }
  Time started_at() const { return started_at_; }
  /// The curves of runs that had ended before the start are back.
  bool recalled() const { return recalled_; }
  const Pipeline& pipeline() const { return pipeline_; }
  const Courier& courier() const { return courier_; }
  const Committer& committer() const { return committer_; }

 private:
  asio::awaitable<void> keep(Effects effects);
  void note(const SourceBatch& batch);
  /// Curves of runs that had ended before the start: nothing but people's eyes needs them.
  asio::awaitable<void> recall_ended();
  AlertView view(const alerts::Alert& alert) const;
  asio::awaitable<void> maintain_queue();
  asio::awaitable<void> keep_alive_mark();
  asio::awaitable<void> tell_daily();
  void mark_alive(bool stopped);
  void tell_absence();
  /// What a database that begins anew has to hold.
  Commit everything() const;
  asio::awaitable<void> tick();
  asio::awaitable<void> prune();

  Clock& clock_;
  Store& store_;
  MonitorOptions options_;
  Committer committer_;
  Courier courier_;
  Announcer announcer_;
  Pipeline pipeline_;
  ProgressLog progress_;
  RunTraces traces_;
  KnownFacts known_facts_;
  std::uint64_t revision_ = 0;
  Time started_at_;
  bool recalled_ = false;
  Duration ticked_{};  // monotonic
  TaskGroup tasks_;
};

}  // namespace redflag::daemon
