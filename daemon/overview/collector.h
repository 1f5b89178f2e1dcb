// What the daemon knows, put together for people: Views over the parts of a running service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/contents/content_source.h"
#include "daemon/monitor/monitor.h"
#include "daemon/overview/task_scores.h"
#include "daemon/overview/views.h"
#include "daemon/results/results_source.h"
#include "daemon/store/store.h"

namespace redflag::daemon {

/// All of it outlives the collector.
struct CollectedFrom {
  const Monitor& monitor;
  Store& store;
  Clock& clock;
  std::vector<std::string> wandb;  ///< keys of the sources
  std::vector<const ResultsSource*> results;
  const ContentSource* contents = nullptr;
  std::string contents_off;  ///< why there is none; "" when there is
  ScoreRanges ranges;
  bool once = false;  ///< for a command that looks once
  Time as_of;
};

/// On the loop's thread.
class Collector : public Views {
 public:
  explicit Collector(CollectedFrom from) : from_(std::move(from)) {}

  /// What is shown was kept by a daemon that last lived then.
  void set_as_of(Time time) { from_.as_of = time; }

  asio::awaitable<Overview> overview(std::size_t most_runs) override;
  asio::awaitable<Result<RunView>> run(std::string key) override;
  asio::awaitable<Result<std::vector<Curve>>> curves(std::string key, CurveRequest wanted) override;
  asio::awaitable<Result<Evidence>> evidence() override;
  std::uint64_t revision() const override { return from_.monitor.revision(); }

 private:
  Overview collect(std::size_t most_runs) const;
  RunView view_of(const RunInfo& info, const AlertCounts& alerts) const;
  Result<const RunInfo*> find(const std::string& key) const;
  DaemonView daemon() const;
  std::vector<SourceView> sources() const;
  std::vector<TaskView> tasks() const;
  ResultsView results(const ResultsSource& source) const;
  std::string run_of_directory(const std::string& printable) const;
  AlertLine line_of(const alerts::Alert& alert) const;
  std::vector<AlertLine> alerts() const;
  std::vector<AlertLine> ended_alerts() const;
  asio::awaitable<Result<std::vector<Curve>>> read_curves(std::string key, CurveRequest wanted);

  CollectedFrom from_;
};

/// The machine: name and memory, as /proc tells them.
HostView this_host();
/// Resident memory of this process; 0 when it cannot be told.
std::uint64_t own_rss_bytes();
/// The file system that holds `path`, or what is there of it: what of it can be used, and what of that is
/// free. Zeros when they cannot be told.
struct DiskSpace {
  std::uint64_t total = 0, free = 0;
};
DiskSpace disk_space(std::string path);

}  // namespace redflag::daemon
