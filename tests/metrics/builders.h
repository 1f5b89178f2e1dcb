// A moment of a daemon's life, for what is drawn from it: two live runs, one ended, a source in trouble, a
// results tree, alerts.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include "daemon/metrics/own_health.h"
#include "daemon/overview/views.h"
#include "tests/alerts/builders.h"

namespace redflag::test {

using namespace redflag::daemon;
using alerts::test::at;

inline RunView run_view(const std::string& id, const std::string& name, RunState state) {
  RunView run;
  run.info.key = "api.wandb.ai/ent/proj/" + id;
  run.info.id = id;
  run.info.name = name;
  run.info.project = "ent/proj";
  run.info.state = state;
  run.info.task = "sst2";
  run.info.method = "full_finetune";
  run.info.seed = 42;
  run.step = 700;
  run.total_steps = 2000;
  run.last_row_at = at(1780);
  run.steps_per_second = 2.5;
  run.latest = {{"eval_loss", 0.31, 600},
                {"gradient_norm_total", 1.5, 700},
                {"learning_rate", 2e-05, 700},
                {"train_loss", 0.25, 700}};
  return run;
}

inline Overview busy_overview() {
  Overview o;
  o.now = at(1800);
  o.daemon.version = "0.1.0";
  o.daemon.started_at = at(0);
  o.daemon.rss_bytes = 30'000'000;
  o.daemon.store_bytes = 4096;
  o.sources = {{"wandb:api.wandb.ai/ent/proj", "wandb", true, "", at(1790), 12.5, 3, 2},
               {"wandb:api.wandb.ai/ent/other", "wandb", false, "HTTP 503", at(600), std::nullopt, 0, 0},
               {"results:/data/results", "results", true, "", at(1799), std::nullopt, 0, 0}};
  RunView bad = run_view("abc123", "full_ft_sst2_seed999_failed", RunState::running);
  bad.latest[3].value = std::numeric_limits<double>::quiet_NaN();
  bad.latest[1].value = std::numeric_limits<double>::infinity();
  bad.alerts.critical = 2;
  o.runs = {bad, run_view("def456", "lora_rte_seed42", RunState::running),
            run_view("fff", "done", RunState::finished)};
  o.runs_total = 3;
  o.running = 2;
  o.finished = 1;
  TaskView task;
  task.task = "sst2";
  task.metric = "accuracy";
  task.expected_min = 0.90;
  task.best = 0.925;
  task.average = 0.91;
  o.tasks = {task};
  ResultsView results;
  results.root = "/data/results";
  results.present = results.listed = true;
  results.watching = "inotify";
  results.summary.files = 212;
  results.summary.bad = 3;
  results.summary.series.resize(1);
  results.summary.series[0].missing_count = 4;
  results.disk_total_bytes = 1'000'000'000'000;
  results.disk_free_bytes = 250'000'000'000;
  o.results = {results};
  o.host.memory_total_bytes = 64ULL << 30U;
  o.host.memory_available_bytes = 8ULL << 30U;
  AlertLine alert;
  alert.id = "9f3c0a4be2d17788";
  alert.rule = "loss-too-high";
  alert.severity = Severity::critical;
  alert.state = "firing";
  alert.run = bad.info.key;
  alert.about = bad.info.name;
  alert.since = at(0);
  o.alerts = {alert};
  o.firing.critical = 1;
  return o;
}

inline OwnHealth sound_health() {
  OwnHealth own;
  own.uptime = std::chrono::seconds{1800};
  own.loop_lag = std::chrono::milliseconds{2};
  own.loop_lag_max = std::chrono::milliseconds{40};
  own.commits = 321;
  alerts::ChannelHealth slack;
  slack.channel = "slack";
  slack.last_sent = at(13);
  slack.queued = 1;
  slack.sent_total = 12;
  slack.retried_total = 3;
  own.channels = {slack};
  return own;
}

/// Views over one moment, which a test may change. Asked for one run there is none to be found.
class FixedViews : public Views {
 public:
  Overview moment = busy_overview();
  std::size_t asked_for = 0;  ///< most_runs of the last call

  asio::awaitable<Overview> overview(std::size_t most_runs) override {
    asked_for = most_runs;
    Overview answer = moment;
    if (answer.runs.size() > most_runs) answer.runs.resize(most_runs);
    co_return answer;
  }
  asio::awaitable<Result<RunView>> run(std::string key) override {
    co_return fail(ErrorCode::not_found, "looking for the run", "there is no run \"" + key + '"');
  }
  asio::awaitable<Result<std::vector<Curve>>> curves(std::string key, CurveRequest) override {
    co_return fail(ErrorCode::not_found, "looking for the run", "there is no run \"" + key + '"');
  }
  asio::awaitable<Result<daemon::Evidence>> evidence() override {
    daemon::Evidence all;
    all.overview = moment;
    co_return all;
  }
  std::uint64_t revision() const override { return 0; }
};

}  // namespace redflag::test
