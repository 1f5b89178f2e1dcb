// The results tree in figures, for `redflag status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace redflag::daemon {

/// The extraction steps of one method and task.
struct SeriesSummary {
  std::string dir;  ///< printable absolute path
  std::string method;
  std::string task;
  std::vector<std::int64_t> steps;  ///< present, ascending
  std::vector<std::int64_t>
      missing;  ///< multiples of the interval between first and last that are absent; at most 1,000
  std::uint64_t missing_count = 0;
  bool regular = true;   ///< no gap, and none off the interval but the last
  bool has_base = true;  ///< the base model's representations exist for the task
};

/// The checkpoints of one run.
struct CheckpointSeries {
  std::string dir;                  ///< printable absolute path of the directory that holds them
  std::vector<std::int64_t> steps;  ///< ascending
};

struct ResultsSummary {
  bool present = false;
  std::size_t directories = 0;
  std::size_t files = 0;
  std::size_t log_files = 0;
  std::size_t experiments =
      0;  ///< directories with a checkpoint, a final model or adapter, or a trainer state in them
  std::size_t checkpoints = 0;  ///< checkpoint-N, final_model, final_adapter
  std::size_t representation_steps = 0;
  std::size_t bad = 0;  ///< files and directories whose last verdict is neither ok nor in progress
  std::vector<SeriesSummary> series;
  std::vector<CheckpointSeries> checkpoint_series;
  std::vector<std::string> tasks_without_base;
};

/// Fills missing, missing_count and regular from `steps`. Bounded whatever the step numbers.
void find_gaps(SeriesSummary& series, std::int64_t interval);

}  // namespace redflag::daemon
