#include "daemon/app/service.h"

#include <fmt/format.h>

#include "daemon/api/push_answer.h"
#include "daemon/app/live_runs.h"
#include "daemon/app/pattern_files.h"
#include "daemon/app/settings.h"
#include "daemon/base/log.h"
#include "daemon/contents/expected_steps.h"
#include "daemon/host/glance.h"
#include "daemon/monitor/alive_mark.h"
#include "daemon/monitor/submit.h"

namespace redflag::daemon {
namespace {

void log_poll(const PollSummary& summary) {
  // An idle poll is worth a line only to somebody who looks for it.
  const bool news = summary.new_rows > 0 || summary.active_runs > 0;
  log_line(summary.error ? LogLevel::warning
           : news        ? LogLevel::info
                         : LogLevel::debug,
           "wandb", summary.text());
}

}  // namespace

/// "5 steps in 2 series (full_finetune_mrpc 100-400), 1 checkpoint, …": what the tree holds, in a line.
std::string describe_results(const ResultsSummary& summary) {
  std::string series;
  for (const SeriesSummary& one : summary.series) {
    if (series.size() > 200) {
      series += ", …";
      break;
    }
    const std::string name = one.dir.substr(one.dir.rfind('/') + 1);
    const std::string steps =
        one.steps.empty() ? "none" : fmt::format("{}-{}", one.steps.front(), one.steps.back());
    series += fmt::format("{}{} {}{}", series.empty() ? "" : ", ", name, steps,
                          one.missing_count == 0 ? "" : fmt::format(" with {} missing", one.missing_count));
  }
  return fmt::format(
      "{} experiment(s), {} checkpoint(s), {} extraction step(s){}, {} files in {} directories, {} bad",
      summary.experiments, summary.checkpoints, summary.representation_steps,
      series.empty() ? std::string() : " (" + series + ")", summary.files, summary.directories, summary.bad);
}

Result<std::unique_ptr<Service>> Service::create(World world, const Config& config, Secrets secrets) {
  MetricNames names = metric_names(config);
  Result<std::shared_ptr<const RuleSet>> rules = load_rules(rule_files(config), names);
  if (!rules) return tl::unexpected<Error>(std::move(rules.error()));
  for (const Diagnostic& doubt : (*rules)->warnings())
    log_warning("rules", "{}:{}: {}", doubt.file, doubt.line, doubt.message);
  auto patterns = load_log_patterns(config);
  if (!patterns) return tl::unexpected<Error>(std::move(patterns.error()));
  std::unique_ptr<Service> service(new Service(world, config, std::move(secrets), std::move(names),
                                               std::move(*rules), std::move(*patterns)));
  const auto recall = [&joined = service->joined_](const Observation& point) { joined.recall(point); };
  if (Result<void> resumed = service->monitor_.resume(recall); !resumed)
    return tl::unexpected<Error>(std::move(resumed.error()));
  service->note_age();
  return service;
}

Service::Service(World world, const Config& config, Secrets secrets, MetricNames names,
                 std::shared_ptr<const RuleSet> rules, std::shared_ptr<const local::LogPatterns> patterns)
    : world_(world),
      names_(std::move(names)),
      patterns_(std::move(patterns)),
      score_ranges_(score_ranges(*rules)),
      monitor_(world.executor, world.clock, world.store, std::move(rules),
               make_channels(config, secrets, {world.transport, world.clock, world.launcher}),
               make_router(config), monitor_options(config)),
      joined_(monitor_, world.clock),
      wandb_transport_(world.transport, world.clock),
      progress_interval_(config.log.progress_interval),
      longest_poll_(2 * config.wandb.poll_interval + std::chrono::minutes{30}),
      sources_(world.executor, world.clock),
      loop_lag_(world.clock),
      begun_(world.clock.monotonic()) {
  if (config.wandb.active()) add_wandb(config, std::move(secrets.wandb_key));
  add_contents(config);
  add_results(config);
  add_local(config);
  add_host(config);
  add_views(config);
  add_api(config);
  add_page(config);
  if (!secrets.ping_url.empty()) {
    dead_man_ = std::make_unique<DeadMan>(std::move(secrets.ping_url), config.alerts.ping_interval,
                                          world.transport, world.clock, [this] { return trouble(); });
  }
}

std::string Service::stuck() {
  if (std::string stuck = monitor_.stuck(); !stuck.empty()) return stuck;
  const bool silent = world_.clock.monotonic() - wandb_transport_.active_at() > longest_poll_;
  return !pollers_.empty() && silent && !monitor_.committer().undurable() ? "polling of W&B" : std::string();
}

std::string Service::trouble() {
  if (monitor_.committer().undurable()) return "the state cannot be written";
  const std::string loop = stuck();
  return loop.empty() ? loop : loop + " does not move";
}

void Service::add_wandb(const Config& config, Secret key) {
  wandb_client_ =
      std::make_unique<GraphqlClient>(wandb_transport_, world_.clock, graphql_options(config),
                                      [key = std::move(key)] { return std::string(key.reveal()); });
  polled_.resize(config.wandb.projects.size());
  for (const ProjectConfig& project : config.wandb.projects) {
    pollers_.push_back(std::make_unique<WandbPoller>(
        poller_options(config, project), *wandb_client_, joined_.service(), world_.clock, names_,
        [this, place = pollers_.size()](const PollSummary& summary) {
          polled_[place] = summary;
          log_poll(summary);
        }));
  }
}

void Service::add_contents(const Config& config) {
  if (world_.launcher == nullptr || !config.results.inspect || config.results.roots.empty()) return;
  verdicts_ = std::make_unique<StoredVerdicts>(world_.store,
                                               [this](Commit commit) { monitor_.post(std::move(commit)); });
  contents_ =
      std::make_unique<ContentSource>(world_.executor, world_.clock, monitor_, *world_.launcher, memory_,
                                      probe_, *verdicts_, content_settings(config, world_.once));
}

void Service::add_results(const Config& config) {
  for (const ResultsRoot& root : config.results.roots) {
    ResultsSettings settings = results_settings(config, root);
    if (contents_) settings.on_change = [this](const FileChange& change) { contents_->note(change); };
    results_.push_back(std::make_unique<ResultsSource>(world_.executor, world_.clock, monitor_, world_.files,
                                                       world_.inotify, std::move(settings)));
  }
}

void Service::add_views(const Config& config) {
  CollectedFrom from{monitor_, world_.store, world_.clock};
  for (const auto& poller : pollers_) from.wandb.push_back(poller->subject().key);
  for (const auto& source : results_) from.results.push_back(source.get());
  from.contents = contents_.get();
  if (config.results.roots.empty()) {
    from.contents_off = "no results directory is watched (results.roots)";
  } else if (!config.results.inspect) {
    from.contents_off = "inspection is off (results.inspect)";
  } else if (!contents_) {
    from.contents_off = "this look was from outside only";
  }
  from.once = world_.once;
  from.ranges = score_ranges_;
  views_ = std::make_unique<Collector>(std::move(from));
}

void Service::note_age() {
  // Before the start, which makes a mark of its own.
  const auto mark = world_.once ? monitor_.pipeline().cursor("redflag", "alive") : std::nullopt;
  const auto alive = mark ? decode_alive_mark(*mark) : std::nullopt;
  if (alive) views_->set_as_of(alive->time);
}

void Service::add_host(const Config& config) {
  if (!config.host.enabled || !world_.host) return;
  HostSettings settings = host_settings(config);
  settings.runs = [this] { return live_runs(monitor_); };
  settings.largest_checkpoint = [this](const std::string& path) {
    // One of yesterday says what the next will take; one of an older model does not.
    const Time since = world_.clock.now() - std::chrono::hours{24};
    std::uint64_t largest = 0;
    for (const auto& source : results_) {
      if (source->root() == path) largest = std::max(largest, source->largest_checkpoint(since));
    }
    return largest;
  };
  for (const auto& source : results_) settings.disk_paths.push_back(source->root());
  host_ = std::make_unique<HostSource>(world_.clock, monitor_, world_.host(), std::move(settings));
}

void Service::add_local(const Config& config) {
  for (follow::LocalSettings& settings : local_settings(config)) {
    settings.patterns = patterns_.get();
    local_.push_back(std::make_unique<follow::LocalSource>(
        world_.executor, world_.clock, joined_, world_.files, world_.inotify, names_, std::move(settings)));
  }
}

void Service::add_api(const Config& config) {
  probes_ = std::make_unique<api::Probes>(*views_, [this] { return own_health(); });
  if (config.prometheus.listen != "none") {
    if (Result<ListenAddress> where = parse_loopback_address(config.prometheus.listen); where) {
      probe_listener_ =
          std::make_unique<api::ProbeListener>(world_.executor, world_.clock, *probes_, std::move(*where));
    }
  }
  if (config.api.socket.empty() || config.api.socket == "none") return;
  api_ = std::make_unique<LocalApi>(world_.executor, world_.clock, monitor_, *views_,
                                    ApiSettings{config.api.socket, api_mode(config.api), config.api.group});
  api_->set_probes(probes_.get());
  if (!config.local.enabled) return;
  push_ = std::make_unique<follow::PushIntake>(
      joined_, world_.clock, names_, WandbService(config.wandb.base_url).host(),
      [](std::int64_t pid) { return glance_at_process("/proc", pid); }, patterns_.get());
  api_->set_push([push = push_.get()](std::string body, std::int64_t pid) {
    return api::answer_push(*push, std::move(body), pid);
  });
}

OwnHealth Service::own_health() {
  const Committer& committer = monitor_.committer();
  OwnHealth own;
  own.uptime = world_.clock.monotonic() - begun_;
  own.loop_lag = loop_lag_.last();
  own.loop_lag_max = loop_lag_.worst();
  own.stuck = stuck();
  own.commits = committer.committed();
  own.waiting_bytes = committer.waiting_bytes();
  own.failing_since = committer.failing_since();
  own.undurable = committer.undurable_words();
  own.channels = monitor_.channels();
  return own;
}

void Service::add_page(const Config& config) {
  if (!config.page.on()) return;
  const Result<ListenAddress> address = parse_loopback_address(config.page.listen);
  Result<Secret> token = page::page_token(config.store.state_directory);
  if (!address || !token) {
    log_error("page", "{}; there is no live page", (address ? token.error() : address.error()).text());
    return;
  }
  page_handlers_ = std::make_unique<api::Handlers>(monitor_, *views_, world_.clock,
                                                   [](std::uint32_t) { return std::string("page"); });
  page_ = std::make_unique<PageServer>(
      world_.executor, world_.clock, *views_,
      [this](ServerRequest request) { return page_handlers_->answer(std::move(request)); }, *address,
      std::move(*token));
}

/// Without it alerts still go out: no reason not to start.
void Service::start_page() {
  if (!page_) return;
  if (Result<void> listening = page_->start(); !listening) {
    log_error("page", "{}; there is no live page", listening.error().text());
    page_.reset();
    return;
  }
  log_info("page", "listening on {} (`redflag page` prints the way in)", page_->url());
  if (api_) api_->handlers().set_page_login([this] { return page_->login_url(); });
  sources_.start("page", [p = page_.get()] { return p->watch(); });
}

void Service::start() {
  monitor_.start();
  if (api_) {
    // Without it nobody can silence or acknowledge, but alerts still go out: no reason not to start.
    if (Result<void> listening = api_->start(); !listening) {
      log_error("api", "{}; the command `redflag` cannot reach this daemon", listening.error().text());
    } else {
      log_info("api", "listening on {}", api_->socket());
    }
  }
  start_page();
  if (probe_listener_) {
    if (const Result<std::uint16_t> port = probe_listener_->start(); !port) {
      log_error("api", "{}; nobody can scrape metrics there", port.error().text());
    } else {
      log_info("api", "metrics on port {} of this machine", *port);
    }
  }
  sources_.start("event loop", [this] { return loop_lag_.run(); });
  for (const auto& poller : pollers_)
    sources_.start(poller->subject().key, [p = poller.get()] { return p->run(); });
  for (const auto& source : results_)
    sources_.start("results:" + source->root(), [s = source.get()] { return s->run(); });
  for (const auto& source : local_) sources_.start(source->name(), [s = source.get()] { return s->run(); });
  for (const auto& source : results_) {
    sources_.start("results", [this, s = source.get()] { return report_results(*s); });
  }
  if (dead_man_) sources_.start("dead man's switch", [d = dead_man_.get()] { return d->run(); });
  if (!results_.empty()) sources_.start("expected steps", [this] { return expect_steps(); });
  if (contents_) {
    sources_.start("inspection", [c = contents_.get()] { return c->read(); });
    sources_.start("contents", [c = contents_.get()] { return c->tell(); });
    sources_.start("forward", [c = contents_.get()] { return c->look_forward(); });
  }
  if (host_) {
    // First, so that the first look can say how the log is followed.
    sources_.start("kernel log", [h = host_.get()] { return h->follow_kernel_log(); });
    sources_.start("host", [h = host_.get()] { return h->measure(); });
  }
  if (push_) sources_.start("pushed runs", [p = push_.get()] { return p->watch(); });
  if (pollers_.empty() && results_.empty() && local_.empty()) {
    log_warning("redflagd",
                "nothing to watch: set wandb.projects (or WANDB_ENTITY and WANDB_PROJECT) or results.roots");
  }
}

asio::awaitable<void> Service::expect_steps() {
  ExpectedSteps expected(ResultsTiming{}.step_interval);
  for (;;) {
    co_await world_.clock.sleep(std::chrono::seconds{15});
    std::vector<StepSeries> series;
    for (const auto& source : results_) {
      if (!source->listed() || !source->health().present) continue;
      const ResultsSummary summary = source->summary();
      for (const SeriesSummary& one : summary.series) {
        const std::string name = one.dir.substr(one.dir.rfind('/') + 1);
        series.push_back({{SubjectKind::representation, one.dir}, name, one.task, one.method, {}, one.steps});
      }
      for (const CheckpointSeries& one : summary.checkpoint_series) {
        const std::string name = one.dir.substr(one.dir.rfind('/') + 1);
        series.push_back({{SubjectKind::checkpoint, one.dir}, name, {}, {}, name, one.steps});
      }
    }
    std::vector<RunProgress> runs;
    for (const auto& [key, run] : monitor_.pipeline().runs()) {
      if (has_ended(run.state) || run.historic) continue;
      runs.push_back({key, run.name, run.task, run.method, monitor_.step_of(key)});
    }
    SourceBatch batch;
    for (Observation& facts : expected.judge(series, runs, world_.clock.now()))
      batch.inputs.emplace_back(std::move(facts));
    if (batch.inputs.empty()) continue;
    co_await submit_until_kept(world_.clock, monitor_, std::move(batch));
  }
}

asio::awaitable<void> Service::report_results(const ResultsSource& source) {
  std::string told;
  for (;;) {
    co_await world_.clock.sleep(std::chrono::seconds{1});
    const bool absent = !source.health().present;
    if (!absent && !source.listed()) continue;
    std::string news = absent
                           ? fmt::format("cannot be watched ({}); waiting for it", source.health().degraded)
                           : describe_results(source.summary());
    if (news == told) continue;
    told = std::move(news);
    log_line(absent ? LogLevel::warning : LogLevel::info, "results", source.root() + "  " + told);
    // That it is there after all is told at once.
    if (!absent) co_await world_.clock.sleep(progress_interval_);
  }
}

asio::awaitable<void> Service::stop(Duration patience) {
  if (page_) co_await page_->stop(patience / 10);
  if (probe_listener_) co_await probe_listener_->stop(patience / 20);
  if (api_) co_await api_->stop(patience / 10);
  co_await sources_.stop(patience / 3);
  co_await monitor_.stop(patience * 2 / 3);
}

std::string Service::unfinished() const {
  const KnownFacts& known = monitor_.known_facts();
  const auto has_spoken = [&](const std::string& key) {
    const SourceFacts* facts = known.source(key);
    return facts != nullptr && facts->spoken;
  };
  for (std::size_t i = 0; i < pollers_.size(); ++i) {
    const PollSummary& last = polled_[i];
    if (!has_spoken(pollers_[i]->subject().key) || (!last.error && !last.caught_up))
      return fmt::format("W&B ({} rows so far)", last.new_rows);
  }
  for (const auto& source : results_) {
    const bool present = source->health().present;
    if (!has_spoken(source->subject().key) || (present && !source->settled()))
      return source->printable_root();
  }
  if (!monitor_.recalled()) return "curves of runs that had ended";
  return contents_ ? contents_->unfinished() : std::string();
}

std::string Service::status_line() const {
  std::size_t active = 0;
  for (const auto& [key, run] : monitor_.pipeline().runs()) active += has_ended(run.state) ? 0 : 1;
  return fmt::format("{} W&B project(s), {} results root(s), {} active run(s), {} alert(s) firing",
                     pollers_.size(), results_.size(), active,
                     monitor_.pipeline().lifecycle().active().size());
}

}  // namespace redflag::daemon
