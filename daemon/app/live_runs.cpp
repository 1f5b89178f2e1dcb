#include "daemon/app/live_runs.h"

#include "daemon/overview/overview.h"
#include "daemon/overview/traces.h"

namespace redflag::daemon {

std::vector<LiveRun> live_runs(const Monitor& monitor) {
  const RunTraces& traces = monitor.traces();
  std::vector<LiveRun> live;
  for (const auto& [key, run] : monitor.pipeline().runs()) {
    if (has_ended(run.state) || run.historic) continue;
    LiveRun one;
    one.run = {key, run.id, run.name, {}};
    const auto output = run.config.find("output_dir");
    if (output != run.config.end() && output->is_string()) one.run.output_dir = output->get<std::string>();
    RunView view;
    view.info.state = run.state;
    view.total_steps = total_steps(run.config, std::nullopt);
    if (const RunTrace* trace = traces.find(key)) trace->describe(view, traces.metrics());
    one.remaining = view.remaining();
    live.push_back(std::move(one));
  }
  return live;
}

}  // namespace redflag::daemon
