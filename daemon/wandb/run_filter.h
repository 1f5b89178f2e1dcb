// Which runs of a project are watched: by tag, name, group, state, age and config.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/runs/run_info.h"
#include "rules/values/time.h"

namespace redflag::daemon {

/// Kinds are ANDed; within a kind any one is enough. Everything empty = every run.
struct RunFilter {
  std::vector<std::string> tags;
  std::vector<std::string> names;  ///< globs over the display name: "full_ft_*"
  std::vector<std::string> groups;
  std::vector<RunState> states;
  std::optional<Duration> max_age;                             ///< since the run's creation
  std::vector<std::pair<std::string, nlohmann::json>> config;  ///< "task_name" -> "mrpc"; each must hold
};

/// The filter as W&B's Mongo-like JSON. Times are cut to the minute, so that consecutive polls ask the same
/// question.
nlohmann::json mongo_filter(const RunFilter& filter, Time now);

/// The filter again, on our side: a server that ignores part of it must not flood us. `check_config` is false
/// for a run whose config has not been read.
bool matches(const RunFilter& filter, const RunInfo& run, Time now, bool check_config);

/// Changes when the filter does (but not with time): kept with the project's cursor to know when to list
/// everything anew.
std::string fingerprint(const RunFilter& filter);

}  // namespace redflag::daemon
