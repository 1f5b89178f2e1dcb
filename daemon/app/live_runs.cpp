#include "daemon/app/live_runs.h"

#include "daemon/overview/overview.h"
#include "daemon/overview/traces.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBetweenMarks = 5min;
constexpr std::size_t kMarks = 7;

}  // namespace

std::vector<LiveRun> LiveRuns::now() {
  std::vector<LiveRun> live;
  for (const auto& [key, run] : monitor_.pipeline().runs()) {
    if (has_ended(run.state) || run.historic) continue;
    LiveRun one;
    one.run = {key, run.id, run.name, {}};
    const auto output = run.config.find("output_dir");
    if (output != run.config.end() && output->is_string()) one.run.output_dir = output->get<std::string>();
    RunView view;
    view.info.state = run.state;
    view.step = monitor_.step_of(key);
    view.total_steps = total_steps(run.config, std::nullopt);
    view.steps_per_second = pace_of(key, view.step);
    one.remaining = view.remaining();
    live.push_back(std::move(one));
  }
  std::erase_if(marks_, [&](const auto& each) {
    const RunInfo* run = monitor_.run(each.first);
    return run == nullptr || has_ended(run->state);
  });
  return live;
}

double LiveRuns::pace_of(const std::string& run, std::int64_t step) {
  std::deque<Mark>& marks = marks_[run];
  const Duration now = clock_.monotonic();
  // A resume goes back: its pace begins anew.
  if (!marks.empty() && step < marks.back().step) marks.clear();
  if (marks.empty() || now - marks.back().at >= kBetweenMarks) marks.push_back({now, step});
  if (marks.size() > kMarks) marks.pop_front();
  const double seconds = std::chrono::duration<double>(now - marks.front().at).count();
  if (seconds < 60.0 || marks.front().step < 0) return 0.0;
  return static_cast<double>(step - marks.front().step) / seconds;
}

}  // namespace redflag::daemon
