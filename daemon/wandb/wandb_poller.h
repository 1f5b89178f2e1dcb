// Follows the runs of one W&B project: the source behind the curves. One poller for each project; pollers of
// one key share a GraphqlClient, and with it the pace.
//
// The cursor is durable and travels in the same batch as the rows it stands for, so after an outage or a kill
// the next poll goes on exactly behind the last committed row.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/monitor/intake.h"
#include "daemon/runs/metric_names.h"
#include "daemon/wandb/graphql_client.h"
#include "daemon/wandb/run_filter.h"

namespace redflag::daemon {

struct WandbPollerOptions {
  std::string entity;   ///< required; see default_entity()
  std::string project;  ///< required
  RunFilter filter;
  Duration poll_interval =
      std::chrono::seconds{15};  ///< while runs are active; 4 times that, at most a minute, while none is
  int runs_per_page = 50;        ///< of the listing
  std::size_t runs_per_request = 50;   ///< followed runs asked for at once, light fields
  std::size_t pages_per_request = 10;  ///< pages of history, or runs with all their fields, asked for at once
  std::int64_t page_steps = 1000;      ///< `_step`s in a page of history
  std::size_t batch_rows = 1000;       ///< most rows in one transaction
  int history_requests_per_poll = 30;  ///< then the states are looked at again before the catch-up goes on
  Duration grace = std::chrono::minutes{10};  ///< how long a run that ended is still watched for late rows
  Duration config_interval = std::chrono::minutes{5};
  Duration system_metrics_interval = std::chrono::minutes{1};
  Duration health_interval = std::chrono::minutes{1};
  Duration longest_backoff = std::chrono::minutes{5};
  Duration refused_retry = std::chrono::minutes{5};  ///< after a refused key or a missing project
  std::uint32_t jitter_seed = 1;
};

/// One poll, for the live log: "polled ent/proj: 5 runs, 2 active, 34 new rows, 0.12 s".
struct PollSummary {
  std::string project;  ///< "ent/proj"
  std::int64_t runs = 0;
  std::int64_t active_runs = 0;
  std::int64_t new_rows = 0;
  std::int64_t unreadable_rows = 0;  ///< rows that are no JSON object; skipped
  std::int64_t failing_runs = 0;     ///< runs whose history cannot be read for now
  std::int64_t requests = 0;
  Duration took{};
  bool caught_up = false;      ///< every followed run is told completely, save the failing ones
  std::optional<Error> error;  ///< the poll as a whole failed

  std::string text() const;
};

class ProjectSync;

/// Everything passed by reference must outlive it. One event loop; no thread-safety.
class WandbPoller {
 public:
  using OnPoll = std::function<void(const PollSummary&)>;

  WandbPoller(WandbPollerOptions options, GraphqlClient& client, Intake& intake, Clock& clock,
              const MetricNames& names, OnPoll on_poll = {});
  ~WandbPoller();

  /// Polls until cancelled (Asio cancellation), then returns; never throws for what W&B does. Facts about the
  /// source itself go to subject(): kind, reachable, error, last_success (unix seconds), runs, active_runs,
  /// lag_seconds (age of the newest heartbeat among runs that are active and had one within the hour).
  asio::awaitable<void> run();

  /// A single poll, without waiting, back-off or facts about the source: for a command that looks once.
  asio::awaitable<PollSummary> poll_once();

  /// {source, "wandb:host/entity/project"}, which is also the name of the cursors.
  const Subject& subject() const;

 private:
  asio::awaitable<void> rounds();
  asio::awaitable<bool> wait_for_next(Duration delay);
  Duration delay_after(const PollSummary& summary);

  WandbPollerOptions options_;
  GraphqlClient& client_;
  Intake& intake_;
  Clock& clock_;
  OnPoll on_poll_;
  std::unique_ptr<ProjectSync> sync_;
  std::unique_ptr<class ProjectHealth> health_;
  unsigned failures_ = 0;
  Duration told_at_{};  // monotonic
  std::uint32_t random_;
};

}  // namespace redflag::daemon
