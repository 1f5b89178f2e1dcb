// The results tree and what was found in it: each step and checkpoint with its state, and the facts that the
// checklist is judged from.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/overview/collector.h"
#include "daemon/overview/curve_thinner.h"
#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

/// Runs whose curves the evidence holds, and how finely: what a report can show, and a client can read.
constexpr std::size_t kMostWithCurves = 150;
constexpr std::size_t kCurvePoints = 300;

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// Checkpoints are deleted by rotation, so none is missing; but what is there lies on one interval, except
/// for the last.
bool is_regular(const std::vector<StepCell>& cells) {
  std::vector<std::int64_t> steps;
  for (const StepCell& cell : cells) {
    if (cell.step >= 0) steps.push_back(cell.step);
  }
  if (steps.size() < 3) return true;
  std::int64_t interval = steps[1] - steps[0];
  for (std::size_t i = 2; i + 1 < steps.size(); ++i) interval = std::min(interval, steps[i] - steps[i - 1]);
  if (interval <= 0) return true;
  for (std::size_t i = 1; i + 1 < steps.size(); ++i) {
    if ((steps[i] - steps[0]) % interval != 0) return false;
  }
  return true;
}

}  // namespace

std::string Collector::run_of_directory(const std::string& printable) const {
  // The trainer logs where it writes: that is proof, a like name is none.
  const RunInfo* owner = nullptr;
  for (const auto& [key, run] : from_.monitor.pipeline().runs()) {
    const auto output = run.config.is_object() ? run.config.find("output_dir") : run.config.end();
    if (output == run.config.end() || !output->is_string()) continue;
    std::string path = output->get<std::string>();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (printable_path(path) != printable) continue;
    if (owner != nullptr) return {};
    owner = &run;
  }
  return owner == nullptr ? std::string() : owner->key;
}

ResultsView Collector::results(const ResultsSource& source) const {
  ResultsView view;
  const WatchHealth health = source.health();
  view.root = source.printable_root();
  view.present = health.present;
  view.listed = source.listed();
  view.watching = health.watching;
  view.degraded = health.degraded;
  view.summary = source.summary();
  const DiskSpace disk = disk_space(source.root());
  view.disk_total_bytes = disk.total;
  view.disk_free_bytes = disk.free;
  const bool read_inside = from_.contents != nullptr;
  std::string otherwise = from_.contents_off;
  if (read_inside) otherwise = from_.contents->state().blocked;
  std::map<std::string, SeriesView> steps, checkpoints;
  for (const SeriesSummary& one : view.summary.series) {
    steps[one.dir] = {one.dir,     one.task,          one.method,  {},          {},
                      one.missing, one.missing_count, one.regular, one.has_base};
  }
  for (const TreeEntry& entry : source.entries()) {
    const bool step = entry.role == DirRole::step;
    SeriesView& series = (step ? steps : checkpoints)[parent_of(entry.path)];
    series.dir = parent_of(entry.path);
    series.cells.push_back(from_.monitor.known_facts().cell(entry.path, entry.step,
                                                            read_inside && otherwise.empty(), otherwise));
  }
  const auto by_step = [](const StepCell& a, const StepCell& b) {
    // What is final comes last.
    return std::pair(a.step < 0, a.step) < std::pair(b.step < 0, b.step);
  };
  for (auto& [dir, series] : steps) {
    std::sort(series.cells.begin(), series.cells.end(), by_step);
    view.representations.push_back(std::move(series));
  }
  for (auto& [dir, series] : checkpoints) {
    std::sort(series.cells.begin(), series.cells.end(), by_step);
    series.regular = is_regular(series.cells);
    series.run = run_of_directory(dir);
    if (const RunInfo* run = from_.monitor.run(series.run)) {
      series.task = run->task;
      series.method = run->method;
    }
    view.checkpoints.push_back(std::move(series));
  }
  return view;
}

asio::awaitable<Result<Evidence>> Collector::evidence() {
  Evidence all;
  all.overview = collect(static_cast<std::size_t>(-1));
  all.ended = ended_alerts();
  // The facts are read first: what is told while curves are read makes them no older than the overview.
  const std::vector<SubjectKind> kinds{SubjectKind::representation, SubjectKind::checkpoint, SubjectKind::log,
                                       SubjectKind::host};
  Result<std::vector<Observation>> facts = co_await from_.store.facts(kinds);
  if (!facts) co_return tl::unexpected<Error>(std::move(facts.error()));
  const Time started = from_.monitor.started_at();
  bool listed = true;
  for (const ResultsSource* source : from_.results) listed = listed && source->listed();
  for (Observation& one : *facts) {
    const bool in_tree =
        one.subject.kind == SubjectKind::representation || one.subject.kind == SubjectKind::checkpoint;
    // What a listing of the tree did not tell again is no longer there.
    if (in_tree && listed && one.time < started) continue;
    all.facts.push_back({std::move(one.subject), one.time, std::move(one.attributes)});
  }
  std::set<std::string> counted;
  for (const TaskView& task : all.overview.tasks) {
    for (const MethodScores& method : task.methods) {
      for (const MethodScores::One& one : method.scores) counted.insert(one.run);
    }
  }
  // Those that count for the scores first, then in the order of the overview: alerts, live, newest.
  std::vector<const RunView*> order;
  for (const RunView& run : all.overview.runs) order.push_back(&run);
  std::stable_partition(order.begin(), order.end(),
                        [&](const RunView* run) { return counted.contains(run->info.key); });
  const RunTraces& traces = from_.monitor.traces();
  for (const RunView* run : order) {
    RunEvidence& one = all.runs.emplace_back();
    one.key = run->info.key;
    if (const RunTrace* trace = traces.find(one.key)) one.final_values = trace->totals(traces.metrics());
    if (all.runs.size() > kMostWithCurves) continue;
    CurveRequest wanted;
    wanted.points = kCurvePoints;
    Result<std::vector<Curve>> curves = co_await read_curves(one.key, std::move(wanted));
    if (!curves) co_return tl::unexpected<Error>(std::move(curves.error()));
    all.runs.back().curves = std::move(*curves);
  }
  if (from_.contents == nullptr) {
    all.contents_reason = all.forward_reason = from_.contents_off;
  } else {
    const ContentProgress progress = from_.contents->progress();
    all.contents_reason = listed ? progress.reading : "the results directory is still being listed";
    all.forward_reason = all.contents_reason.empty() ? progress.forward : all.contents_reason;
    all.contents_checked = all.contents_reason.empty();
    all.forward_checked = all.forward_reason.empty();
  }
  co_return all;
}

}  // namespace redflag::daemon
