// Only what is shown is copied: with 5,000 runs their order is found on keys, and of those that are cut
// nothing but their counts is looked at.
#include "daemon/overview/collector.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "daemon/config/suggest.h"
#include "daemon/overview/curve_thinner.h"

namespace redflag::daemon {
namespace {

using AlertsByRun = std::unordered_map<std::string_view, AlertCounts>;

void count(AlertCounts& counts, Severity severity) {
  if (severity == Severity::critical) ++counts.critical;
  if (severity == Severity::warning) ++counts.warning;
  if (severity == Severity::info) ++counts.info;
}

AlertsByRun counts_by_run(const std::vector<const alerts::Alert*>& firing) {
  AlertsByRun by_run;
  for (const alerts::Alert* alert : firing) {
    if (!alert->last.run.empty()) count(by_run[alert->last.run], alert->last.severity);
  }
  return by_run;
}

AlertCounts counts_of(const AlertsByRun& by_run, std::string_view key) {
  const auto found = by_run.find(key);
  return found == by_run.end() ? AlertCounts{} : found->second;
}

/// In the order in which people want to see them.
std::vector<const RunInfo*> ordered(const std::unordered_map<std::string, RunInfo>& runs,
                                    const AlertsByRun& alerts, std::size_t most) {
  struct Place {
    bool calm, ended;
    Time created;
    const RunInfo* run;
  };
  std::vector<Place> places;
  places.reserve(runs.size());
  for (const auto& [key, run] : runs)
    places.push_back({counts_of(alerts, key).critical == 0, has_ended(run.state), run.created_at, &run});
  const auto first = [](const Place& a, const Place& b) {
    return std::tie(a.calm, a.ended, b.created, a.run->name, a.run->key) <
           std::tie(b.calm, b.ended, a.created, b.run->name, b.run->key);
  };
  const auto shown = places.begin() + static_cast<std::ptrdiff_t>(std::min(most, places.size()));
  std::partial_sort(places.begin(), shown, places.end(), first);
  std::vector<const RunInfo*> out;
  for (auto it = places.begin(); it != shown; ++it) out.push_back(it->run);
  return out;
}

std::uint64_t file_bytes(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

asio::awaitable<Overview> Collector::overview(std::size_t most_runs) {
  co_return collect(most_runs);
}

Overview Collector::collect(std::size_t most_runs) const {
  const Pipeline& pipeline = from_.monitor.pipeline();
  const auto firing = pipeline.lifecycle().active();
  const AlertsByRun by_run = counts_by_run(firing);
  Overview all;
  all.now = from_.clock.now();
  all.daemon = daemon();
  all.sources = sources();
  all.runs_total = pipeline.runs().size();
  for (const auto& [key, run] : pipeline.runs()) {
    if (run.state == RunState::finished) {
      ++all.finished;
    } else {
      ++(has_ended(run.state) ? all.failed : all.running);
    }
  }
  for (const RunInfo* run : ordered(pipeline.runs(), by_run, most_runs))
    all.runs.push_back(view_of(*run, counts_of(by_run, run->key)));
  all.tasks = tasks();
  for (const ResultsSource* source : from_.results) all.results.push_back(results(*source));
  all.host = this_host();
  all.alerts = alerts();
  for (const alerts::Alert* alert : firing) count(all.firing, alert->last.severity);
  return all;
}

RunView Collector::view_of(const RunInfo& info, const AlertCounts& alerts) const {
  RunView view;
  view.info = info;
  view.alerts = alerts;
  std::optional<LatestValue> epoch;
  if (const RunTrace* trace = from_.monitor.traces().find(info.key)) {
    const MetricTable& metrics = from_.monitor.traces().metrics();
    trace->describe(view, metrics);
    view.score = score_of(info.task, *trace, metrics);
    epoch = trace->newest("epoch", metrics);
  }
  view.total_steps = total_steps(info.config, epoch);
  return view;
}

DaemonView Collector::daemon() const {
  DaemonView view;
  view.version = REDFLAG_VERSION;
  view.once = from_.once;
  view.started_at = from_.monitor.started_at();
  view.as_of = from_.as_of;
  view.rss_bytes = own_rss_bytes();
  view.store_bytes = file_bytes(from_.store.path()) + file_bytes(from_.store.path() + "-wal");
  view.undurable = from_.monitor.committer().undurable();
  for (const alerts::ChannelHealth& channel : from_.monitor.channels()) {
    view.messages_waiting += channel.queued;
    if (channel.healthy && channel.parked == 0) continue;
    std::string trouble = channel.channel + ":";
    if (!channel.healthy)
      trouble += fmt::format(" {} (since {})", channel.last_error, to_rfc3339(channel.since));
    if (channel.parked > 0) {
      trouble += fmt::format("{} {} message{} set aside", channel.healthy ? "" : ";", channel.parked,
                             channel.parked == 1 ? "" : "s");
    }
    view.channel_troubles.push_back(std::move(trouble));
  }
  return view;
}

std::vector<SourceView> Collector::sources() const {
  std::vector<std::pair<std::string, std::string>> known;  // key, kind
  for (const std::string& key : from_.wandb) known.emplace_back(key, "wandb");
  for (const ResultsSource* source : from_.results) known.emplace_back(source->subject().key, "results");
  if (from_.contents != nullptr) known.emplace_back("contents", "contents");
  for (const auto& [key, facts] : from_.monitor.known_facts().sources()) {
    const auto same = [&key = key](const auto& one) { return one.first == key; };
    if (!facts.spoken || std::any_of(known.begin(), known.end(), same)) continue;
    known.emplace_back(key, text_attribute(facts.attributes, "kind"));
  }
  std::vector<SourceView> views;
  for (auto& [key, kind] : known) {
    SourceView view;
    view.key = key;
    view.kind = kind;
    if (const SourceFacts* facts = from_.monitor.known_facts().source(key)) {
      const auto number = [&](const char* name) {
        return number_attribute(facts->attributes, name).value_or(0.0);
      };
      if (facts->spoken) {
        view.reachable = flag_attribute(facts->attributes, "reachable");
        view.trouble = text_attribute(facts->attributes, kind == "wandb" ? "error" : "degraded");
        view.lag_seconds = number_attribute(facts->attributes, "lag_seconds");
      }
      view.last_success = from_unix_seconds(number("last_success"));
      view.runs = static_cast<std::size_t>(std::max(0.0, number("runs")));
      view.active_runs = static_cast<std::size_t>(std::max(0.0, number("active_runs")));
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<TaskView> Collector::tasks() const {
  std::vector<RunWithScore> scored;
  const RunTraces& traces = from_.monitor.traces();
  for (const auto& [key, run] : from_.monitor.pipeline().runs()) {
    if (run.state != RunState::finished || run.task.empty()) continue;
    const RunTrace* trace = traces.find(key);
    const std::optional<Score> score =
        trace == nullptr ? std::nullopt : score_of(run.task, *trace, traces.metrics());
    if (score) scored.push_back({&run, score->value});
  }
  return task_views(from_.ranges, std::move(scored));
}

AlertLine Collector::line_of(const alerts::Alert& alert) const {
  AlertLine line;
  line.id = alert.last.id;
  line.rule = alert.last.rule;
  line.severity = alert.last.severity;
  line.state = alert.last.to == AlertState::inactive ? "ended" : std::string(to_string(alert.last.to));
  line.run = alert.last.run;
  const RunInfo* run = from_.monitor.run(alert.last.run);
  line.about = run != nullptr ? run->name : alert.run_name;
  if (line.about.empty()) line.about = alert.last.subject.key;
  for (const ResultsSource* source : from_.results) {
    const std::string prefix = source->printable_root() + '/';
    if (line.about.starts_with(prefix)) line.about.erase(0, prefix.size());
  }
  line.message = alert.last.message;
  line.hint = alert.last.hint;
  line.value = alert.last.value;
  line.threshold = alert.last.threshold;
  line.step = alert.last.step;
  line.since_step = alert.last.since_step;
  line.since = alert.last.since;
  line.acknowledged = alert.acknowledged.at != Time{};
  line.muted_by = alert.muted_by;
  return line;
}

std::vector<AlertLine> Collector::alerts() const {
  std::vector<AlertLine> lines;
  const alerts::Lifecycle& lifecycle = from_.monitor.pipeline().lifecycle();
  for (const auto& part : {lifecycle.active(), lifecycle.pending()}) {
    for (const alerts::Alert* alert : part) lines.push_back(line_of(*alert));
  }
  return lines;
}

std::vector<AlertLine> Collector::ended_alerts() const {
  std::vector<AlertLine> lines;
  for (const alerts::Alert* alert : from_.monitor.pipeline().lifecycle().recent())
    lines.push_back(line_of(*alert));
  return lines;
}

Result<const RunInfo*> Collector::find(const std::string& key) const {
  if (const RunInfo* run = from_.monitor.run(key)) return run;
  const std::string doing = fmt::format("looking for run {}", key.substr(0, 200));
  std::vector<const RunInfo*> found;
  std::vector<std::string_view> names;
  for (const auto& [known, run] : from_.monitor.pipeline().runs()) {
    if (run.id == key || run.name == key) found.push_back(&run);
    names.push_back(run.name);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const std::string_view meant = settings::nearest(key, names);
    return fail(ErrorCode::not_found, doing, "there is no such run",
                meant.empty() ? "redflag status lists the runs" : fmt::format("did you mean {}?", meant));
  }
  std::string keys;
  for (std::size_t i = 0; i < found.size() && i < 5; ++i) keys += (i > 0 ? ", " : "") + found[i]->key;
  return fail(ErrorCode::not_found, doing, fmt::format("{} runs are called that", found.size()),
              "name it by its key: " + keys);
}

asio::awaitable<Result<RunView>> Collector::run(std::string key) {
  const Result<const RunInfo*> info = find(key);
  if (!info) co_return tl::unexpected<Error>(info.error());
  const AlertsByRun by_run = counts_by_run(from_.monitor.pipeline().lifecycle().active());
  co_return view_of(**info, counts_of(by_run, (*info)->key));
}

asio::awaitable<Result<std::vector<Curve>>> Collector::curves(std::string key, CurveRequest wanted) {
  const Result<const RunInfo*> info = find(key);
  if (!info) co_return tl::unexpected<Error>(info.error());
  co_return co_await read_curves((*info)->key, std::move(wanted));
}

asio::awaitable<Result<std::vector<Curve>>> Collector::read_curves(std::string key, CurveRequest wanted) {
  const auto reader = std::make_shared<CurveReader>(std::move(wanted));  // the store's thread fills it
  // Named, not temporaries: GCC 12 destroys those of an awaited call twice.
  Subject subject{SubjectKind::run, std::move(key)};
  std::function<void(Observation &&)> each = [reader](Observation&& row) { reader->add(row); };
  const Result<void> read = co_await from_.store.visit_points(std::move(subject), std::move(each));
  if (!read) co_return tl::unexpected<Error>(read.error());
  co_return reader->take();
}

}  // namespace redflag::daemon
