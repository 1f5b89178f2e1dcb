#include "daemon/metrics/metrics_text.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "daemon/metrics/exposition.h"

namespace redflag::daemon {
namespace {

using metrics::Family;
using metrics::Labels;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

class Page {
 public:
  Page(const Overview& overview, const OwnHealth& own, const MetricsLimits& limits)
      : overview_(overview), own_(own), limits_(limits) {}

  std::string write() {
    daemon();
    store();
    channels();
    sources();
    runs();
    alerts();
    tasks();
    results();
    host();
    return std::move(text_);
  }

 private:
  Family gauge(std::string_view name, std::string_view help) {
    return Family(text_, name, Family::Type::gauge, help);
  }
  Family counter(std::string_view name, std::string_view help) {
    return Family(text_, name, Family::Type::counter, help);
  }

  void daemon() {
    const DaemonView& d = overview_.daemon;
    gauge("redflag_build_info", "Version of redflagd; always 1.").add({{"version", d.version}}, 1);
    gauge("process_start_time_seconds", "When redflagd was started, in seconds since 1970.")
        .add_time({}, d.started_at);
    gauge("redflag_uptime_seconds", "How long redflagd has been watching with its present configuration.")
        .add({}, seconds(own_.uptime));
    gauge("process_resident_memory_bytes", "Memory that redflagd holds.").add({}, number(d.rss_bytes));
    gauge("redflag_event_loop_lag_seconds", "By how much the event loop last woke too late.")
        .add({}, seconds(own_.loop_lag));
    gauge("redflag_event_loop_lag_max_seconds", "The worst lag of the event loop in the last minute.")
        .add({}, seconds(own_.loop_lag_max));
  }

  void store() {
    gauge("redflag_store_size_bytes", "Size of the state database with its log.")
        .add({}, number(overview_.daemon.store_bytes));
    gauge("redflag_store_durable", "1: what redflagd learns is kept; 0: the disk refuses it.")
        .add({}, overview_.daemon.undurable || own_.failing_since != Time{} ? 0 : 1);
    gauge("redflag_store_waiting_bytes", "What is accepted and not on the disk yet.")
        .add({}, number(own_.waiting_bytes));
    counter("redflag_store_commits_total", "Commits that became durable.").add({}, number(own_.commits));
  }

  void channels() {
    const std::vector<alerts::ChannelHealth>& all = own_.channels;
    {
      Family up =
          gauge("redflag_channel_up", "1: the receiver takes messages, or has not been tried; 0: not.");
      for (const auto& c : all) up.add({{"channel", c.channel}}, c.healthy ? 1 : 0);
    }
    {
      Family waiting =
          gauge("redflag_outbox_messages", "Messages not delivered: queued, or parked for a person.");
      for (const auto& c : all) {
        waiting.add({{"channel", c.channel}, {"state", "queued"}}, number(c.queued));
        waiting.add({{"channel", c.channel}, {"state", "parked"}}, number(c.parked));
      }
    }
    {
      Family deliveries =
          counter("redflag_deliveries_total",
                  "Attempts to deliver: sent, retried (failed, tried again later), refused (for "
                  "good).");
      for (const auto& c : all) {
        deliveries.add({{"channel", c.channel}, {"outcome", "sent"}}, number(c.sent_total));
        deliveries.add({{"channel", c.channel}, {"outcome", "retried"}}, number(c.retried_total));
        deliveries.add({{"channel", c.channel}, {"outcome", "refused"}}, number(c.parked_total));
      }
    }
    {
      Family dropped =
          counter("redflag_messages_dropped_total", "Messages dropped by a person, or too old, or too many.");
      for (const auto& c : all) dropped.add({{"channel", c.channel}}, number(c.dropped_total));
    }
    Family last =
        gauge("redflag_channel_last_sent_timestamp_seconds", "When the receiver last took a message.");
    for (const auto& c : all) last.add_time({{"channel", c.channel}}, c.last_sent);
  }

  void sources() {
    const std::vector<SourceView>& all = overview_.sources;
    {
      Family up = gauge("redflag_source_up", "1: the source answers; 0: it does not.");
      for (const SourceView& s : all) {
        if (s.reachable) up.add({{"source", s.key}, {"kind", s.kind}}, *s.reachable ? 1 : 0);
      }
    }
    {
      Family last = gauge("redflag_source_last_success_timestamp_seconds",
                          "When the source was last read without error.");
      for (const SourceView& s : all) last.add_time({{"source", s.key}, {"kind", s.kind}}, s.last_success);
    }
    {
      Family lag = gauge("redflag_source_lag_seconds", "By how much the source's newest point is behind.");
      for (const SourceView& s : all) {
        if (s.lag_seconds) lag.add({{"source", s.key}, {"kind", s.kind}}, *s.lag_seconds);
      }
    }
    Family runs = gauge("redflag_source_runs", "Runs that the source tells of.");
    for (const SourceView& s : all) runs.add({{"source", s.key}, {"kind", s.kind}}, number(s.runs));
    Family active = gauge("redflag_source_active_runs", "Of them, those that have not ended.");
    for (const SourceView& s : all) active.add({{"source", s.key}, {"kind", s.kind}}, number(s.active_runs));
  }

  /// One family over the live runs; `value` adds the sample, or none.
  template <typename Value>
  void per_run(std::string_view name, std::string_view help, Value value) {
    Family family = gauge(name, help);
    for (const RunView* run : live_) {
      if (const std::optional<double> is = value(*run))
        family.add({{"run", run->info.key}, {"name", run->info.name}}, *is);
    }
  }

  void metric(std::string_view name, std::string_view help, std::string_view canonical) {
    per_run(name, help, [&](const RunView& run) { return value_in(run, canonical); });
  }

  static std::optional<double> value_in(const RunView& run, std::string_view metric) {
    for (const LatestValue& latest : run.latest) {
      if (latest.metric == metric) return latest.value;
    }
    return std::nullopt;
  }

  static std::optional<double> if_known(double value, bool known) {
    return known ? std::optional<double>(value) : std::nullopt;
  }

  void runs() {
    std::size_t more = 0;
    for (const RunView& run : overview_.runs) {
      if (has_ended(run.info.state) || run.info.historic) continue;
      if (live_.size() < limits_.most_runs)
        live_.push_back(&run);
      else
        ++more;
    }
    if (overview_.running > live_.size() + more) more = overview_.running - live_.size();
    {
      Family states = gauge("redflag_runs", "Runs, by how they are; failed: also crashed and killed.");
      states.add({{"state", "running"}}, number(overview_.running));
      states.add({{"state", "finished"}}, number(overview_.finished));
      states.add({{"state", "failed"}}, number(overview_.failed));
    }
    gauge("redflag_runs_left_out", "Live runs without metrics of their own here, because there are too many.")
        .add({}, number(more));
    {
      Family info = gauge("redflag_run_info", "What a live run is; always 1.");
      for (const RunView* run : live_) {
        const RunInfo& i = run->info;
        info.add({{"run", i.key},
                  {"name", i.name},
                  {"project", i.project},
                  {"task", i.task},
                  {"method", i.method},
                  {"seed", i.seed ? fmt::format("{}", *i.seed) : std::string()},
                  {"state", to_string(i.state)}},
                 1);
      }
    }
    per_run("redflag_run_step", "Newest training step.",
            [](const RunView& run) { return if_known(static_cast<double>(run.step), run.step >= 0); });
    per_run("redflag_run_planned_steps", "Training steps that the run is to take.", [](const RunView& run) {
      return if_known(static_cast<double>(run.total_steps), run.total_steps > 0);
    });
    per_run("redflag_run_steps_per_second", "Training steps per second, over the newest rows.",
            [](const RunView& run) { return if_known(run.steps_per_second, run.steps_per_second > 0); });
    per_run("redflag_run_last_row_age_seconds", "How old the newest logged row is.", [&](const RunView& run) {
      return if_known(seconds(std::max(overview_.now - run.last_row_at, Duration::zero())),
                      run.last_row_at != Time{});
    });
    metric("redflag_run_train_loss", "Newest training loss.", "train_loss");
    metric("redflag_run_eval_loss", "Newest evaluation loss.", "eval_loss");
    metric("redflag_run_learning_rate", "Newest learning rate.", "learning_rate");
    metric("redflag_run_gradient_norm", "Newest norm of all gradients.", "gradient_norm_total");
    per_run("redflag_run_score_ratio", "Newest score as its task counts it, 0 to 1.", [](const RunView& run) {
      return run.score ? std::optional<double>(run.score->value) : std::nullopt;
    });
    Family counts = gauge("redflag_run_alerts", "Alerts that fire on a live run.");
    for (const RunView* run : live_) {
      const auto add = [&](std::string_view severity, std::size_t count) {
        counts.add({{"run", run->info.key}, {"name", run->info.name}, {"severity", severity}}, number(count));
      };
      add("critical", run->alerts.critical);
      add("warning", run->alerts.warning);
      add("info", run->alerts.info);
    }
  }

  void alerts() {
    // Every combination is always there: a rate or an absence over a missing series tells nothing.
    std::map<std::pair<std::string, std::string>, std::size_t> counts;
    for (const char* state : {"firing", "pending"}) {
      for (const char* severity : {"critical", "warning", "info"}) counts[{state, severity}] = 0;
    }
    std::size_t acknowledged = 0;
    std::size_t muted = 0;
    for (const AlertLine& alert : overview_.alerts) {
      ++counts[{alert.state, std::string(to_string(alert.severity))}];
      acknowledged += alert.acknowledged ? 1 : 0;
      muted += alert.muted_by.empty() ? 0 : 1;
    }
    {
      Family all = gauge("redflag_alerts", "Alerts that fire or are about to, by severity.");
      for (const auto& [key, count] : counts)
        all.add({{"state", key.first}, {"severity", key.second}}, number(count));
    }
    gauge("redflag_alerts_acknowledged", "Of them, those that somebody deals with.")
        .add({}, number(acknowledged));
    gauge("redflag_alerts_muted", "Of them, those that nobody is told of now.").add({}, number(muted));
    const std::size_t shown = std::min(overview_.alerts.size(), limits_.most_alerts);
    gauge("redflag_alerts_left_out", "Alerts that are only counted here, because there are too many.")
        .add({}, number(overview_.alerts.size() - shown));
    Family since = gauge("redflag_alert_since_timestamp_seconds",
                         "An alert that fires or is about to, and since when its condition holds.");
    for (std::size_t i = 0; i < shown; ++i) {
      const AlertLine& alert = overview_.alerts[i];
      since.add({{"id", alert.id},
                 {"rule", alert.rule},
                 {"severity", to_string(alert.severity)},
                 {"state", alert.state},
                 {"run", alert.run},
                 {"about", alert.about}},
                alert.since == Time{} ? 0.0 : to_unix_seconds(alert.since));
    }
  }

  void tasks() {
    const auto family = [&](std::string_view name, std::string_view help, auto value) {
      Family all = gauge(name, help);
      for (const TaskView& task : overview_.tasks) {
        if (const std::optional<double> is = value(task))
          all.add({{"task", task.task}, {"metric", task.metric}}, *is);
      }
    };
    using Value = std::optional<double>;
    family("redflag_task_best_score_ratio", "Best score of the fine-tuned runs that count.",
           [](const TaskView& task) { return task.best; });
    family("redflag_task_average_score_ratio", "Their average.",
           [](const TaskView& task) { return task.average; });
    family("redflag_task_expected_score_ratio", "The least that is expected of a task.",
           [](const TaskView& task) { return Value(task.expected_min); });
  }

  template <typename Value>
  void per_root(std::string_view name, std::string_view help, Value value) {
    Family family = gauge(name, help);
    for (const ResultsView& root : overview_.results) {
      if (const std::optional<double> is = value(root)) family.add({{"root", root.root}}, *is);
    }
  }

  void results() {
    using Value = std::optional<double>;
    using Root = const ResultsView&;
    per_root("redflag_results_present", "1: the results directory is there.",
             [](Root r) { return Value(r.present ? 1 : 0); });
    per_root("redflag_results_degraded", "1: it is not watched as it should be.",
             [](Root r) { return Value(r.degraded.empty() ? 0 : 1); });
    per_root("redflag_results_files", "Files in it.", [](Root r) { return Value(number(r.summary.files)); });
    per_root("redflag_results_directories", "Directories in it.",
             [](Root r) { return Value(number(r.summary.directories)); });
    per_root("redflag_results_experiments", "Directories with a checkpoint, final model or trainer state.",
             [](Root r) { return Value(number(r.summary.experiments)); });
    per_root("redflag_results_checkpoints", "Checkpoints, final models and adapters.",
             [](Root r) { return Value(number(r.summary.checkpoints)); });
    per_root("redflag_results_representation_steps", "Extraction steps of all series.",
             [](Root r) { return Value(number(r.summary.representation_steps)); });
    per_root("redflag_results_missing_steps", "Extraction steps that are missing between others.",
             [](Root r) {
               std::uint64_t missing = 0;
               for (const SeriesSummary& series : r.summary.series) missing += series.missing_count;
               return Value(number(missing));
             });
    per_root("redflag_results_bad", "Files and directories that something is wrong with.",
             [](Root r) { return Value(number(r.summary.bad)); });
    per_root("redflag_results_disk_size_bytes", "Size of its file system, without what is kept for root.",
             [](Root r) { return if_known(number(r.disk_total_bytes), r.disk_total_bytes > 0); });
    per_root("redflag_results_disk_free_bytes", "What is free of it.",
             [](Root r) { return if_known(number(r.disk_free_bytes), r.disk_total_bytes > 0); });
  }

  void host() {
    const HostView& h = overview_.host;
    Family total = gauge("redflag_host_memory_size_bytes", "Memory of the machine.");
    if (h.memory_total_bytes > 0) total.add({}, number(h.memory_total_bytes));
    Family available = gauge("redflag_host_memory_available_bytes", "What new programs could have of it.");
    if (h.memory_total_bytes > 0) available.add({}, number(h.memory_available_bytes));
  }

  const Overview& overview_;
  const OwnHealth& own_;
  const MetricsLimits& limits_;
  std::string text_;
  std::vector<const RunView*> live_;
};

}  // namespace

std::string metrics_text(const Overview& overview, const OwnHealth& own, const MetricsLimits& limits) {
  return Page(overview, own, limits).write();
}

}  // namespace redflag::daemon
