// One run as several sources describe it: whose word counts for what. Pure.
//
// Who it is (name, tags, group, page) W&B's service knows best, for people change it there. How it goes is
// another matter: the service hears of an end half a minute late, calls what it cannot reach crashed, and
// what was killed running for weeks. The run's own directory is nearer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/runs/run_info.h"

namespace redflag::daemon::follow {

struct RunSides {
  std::optional<RunInfo> service;  ///< as W&B's API told it last
  std::optional<RunInfo> disk;     ///< as its directory, or a push, told it last
  Time disk_sign;                  ///< when the run last wrote something here; Time{}: not known
};

/// How long a sign of life on disk outweighs the service's word that the run crashed.
inline constexpr Duration kDiskOutweighs = std::chrono::minutes{10};

/// The joined run. `now` matters only where both sides disagree about the end. One side has to be there.
RunInfo join_run(const RunSides& sides, Time now);

/// Where a run writes, by its configuration (output_dir, logging_dir), anywhere in it: absolute paths, and
/// relative ones below `working_directory` unless that is empty.
std::vector<std::string> directories_of(const nlohmann::json& config, const std::string& working_directory);

}  // namespace redflag::daemon::follow
