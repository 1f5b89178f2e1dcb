// The daemon put together: rules, store, monitor, channels and sources, from one configuration. It is the
// same object in production and in tests; only the clock, the transport and the store's mode differ. A reload
// is: make a new one, and stop the old one first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/api/local_api.h"
#include "daemon/api/probe_listener.h"
#include "daemon/api/probes.h"
#include "daemon/app/dead_man.h"
#include "daemon/app/observed_transport.h"
#include "daemon/base/clock.h"
#include "daemon/base/task_group.h"
#include "daemon/config/config.h"
#include "daemon/config/secret.h"
#include "daemon/config/secrets.h"
#include "daemon/contents/content_source.h"
#include "daemon/follow/joined_intake.h"
#include "daemon/follow/local_source.h"
#include "daemon/follow/push.h"
#include "daemon/host/host_source.h"
#include "daemon/inspection/stored_verdicts.h"
#include "daemon/local/log_patterns.h"
#include "daemon/metrics/loop_lag.h"
#include "daemon/monitor/monitor.h"
#include "daemon/net/http.h"
#include "daemon/overview/collector.h"
#include "daemon/page/page_server.h"
#include "daemon/results/results_source.h"
#include "daemon/runs/metric_names.h"
#include "daemon/store/store.h"
#include "daemon/wandb/graphql_client.h"
#include "daemon/wandb/wandb_poller.h"

namespace redflag::daemon {

/// What the service needs of the world. All of it outlives the service.
struct World {
  asio::any_io_executor executor;
  Clock& clock;
  HttpTransport& transport;
  Store& store;
  FileSystem& files;
  InotifyApi& inotify;
  ProcessLauncher* launcher = nullptr;  ///< starts the children that look into files; null: nobody does
  bool once = false;                    ///< no daemon: a command that looks once
  std::function<HostProbes()> host;     ///< what tells of the machine; empty: nobody watches it
};

/// Secrets, resolved before the start, so that a missing one is an error then and not at the first alert.
struct Secrets {
  Secret wandb_key;
  std::vector<std::pair<std::string, Secret>> webhooks;  ///< Slack's, by receiver's name
  std::map<std::string, ReceiverSecrets> receivers;      ///< of the other types, by receiver's name
  Secret ping_url;                                       ///< of the dead man's switch; empty: none
};

class Service {
 public:
  /// Loads the rules and rebuilds what the store kept. Nothing runs yet. Every error names what to change.
  static Result<std::unique_ptr<Service>> create(World world, const Config& config, Secrets secrets);

  /// Starts the monitor and the sources.
  void start();
  /// Sources first, then what they handed over becomes durable and goes out. Ends within about `patience`.
  asio::awaitable<void> stop(Duration patience);

  /// "2 projects, 1 results root, 5 runs, 1 alert firing": for the log and systemd's status line.
  std::string status_line() const;
  /// What has not told yet all that there was when it started, for people; empty: everything has, or has
  /// failed.
  std::string unfinished() const;
  /// A loop that does not move any more, in words; empty: all do. Ask every few seconds.
  std::string stuck();
  Monitor& monitor() { return monitor_; }
  /// What people may look at.
  Views& views() { return *views_; }

 private:
  Service(World world, const Config& config, Secrets secrets, MetricNames names,
          std::shared_ptr<const RuleSet> rules, std::shared_ptr<const local::LogPatterns> patterns);
  void add_wandb(const Config& config, Secret key);
  void add_results(const Config& config);
  void add_local(const Config& config);
  void add_contents(const Config& config);
  void add_host(const Config& config);
  /// Why all is not well with redflag itself; empty when it is.
  std::string trouble();
  void add_views(const Config& config);
  /// For a look at what a daemon has left: when that was.
  void note_age();
  void add_api(const Config& config);
  void add_page(const Config& config);
  void start_page();
  OwnHealth own_health();
  /// Tells of steps and checkpoints that should be there by now.
  asio::awaitable<void> expect_steps();
  /// Logs what the tree holds, when that changes.
  asio::awaitable<void> report_results(const ResultsSource& source);

  World world_;
  MetricNames names_;
  std::shared_ptr<const local::LogPatterns> patterns_;  ///< nullptr: those that ship
  ScoreRanges score_ranges_;
  Monitor monitor_;
  follow::JoinedIntake joined_;
  ObservedTransport wandb_transport_;
  std::unique_ptr<DeadMan> dead_man_;
  std::unique_ptr<GraphqlClient> wandb_client_;
  std::vector<std::unique_ptr<WandbPoller>> pollers_;
  std::vector<PollSummary> polled_;  ///< of each, the last
  SystemMemoryProbe memory_;
  SystemFileProbe probe_;
  std::unique_ptr<StoredVerdicts> verdicts_;
  std::unique_ptr<ContentSource> contents_;
  std::vector<std::unique_ptr<ResultsSource>> results_;
  std::unique_ptr<HostSource> host_;
  std::vector<std::unique_ptr<follow::LocalSource>> local_;
  std::unique_ptr<follow::PushIntake> push_;
  Duration progress_interval_;
  Duration longest_poll_;  ///< a poller that has not spoken for so long does not move
  std::unique_ptr<Collector> views_;
  TaskGroup sources_;
  LoopLag loop_lag_;
  Duration begun_;  // monotonic
  std::unique_ptr<api::Probes> probes_;
  std::unique_ptr<LocalApi> api_;
  std::unique_ptr<api::Handlers> page_handlers_;
  std::unique_ptr<PageServer> page_;
  std::unique_ptr<api::ProbeListener> probe_listener_;
};

}  // namespace redflag::daemon
