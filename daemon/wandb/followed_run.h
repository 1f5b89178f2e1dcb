// A run that is being followed, as the poller remembers it between two polls.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/runs/run_info.h"
#include "daemon/wandb/run_cursor.h"

namespace redflag::daemon {

struct FollowedRun {
  RunInfo info;                 ///< as W&B says now
  RunCursor cursor;             ///< as committed, or as in the batch that is being gathered
  std::optional<RunInfo> told;  ///< as the intake was last told

  std::int64_t last_step = -1;  ///< the highest `_step` W&B knows of
  bool seen = false;            ///< this poll has read it
  bool waiting = false;         ///< nothing more to be had in this poll
  unsigned short_pages = 0;     ///< polls in a row whose last page ended before last_step
  unsigned missing = 0;         ///< polls in a row that did not find it
  std::int64_t span = 0;        ///< steps in a page while crossing a wide gap

  unsigned failures = 0;   ///< in a row, of this run alone
  Duration retry_at{};     ///< monotonic
  Duration ended_at{};     ///< monotonic; when its end was told, or the last row after that came
  Duration config_due{};   ///< monotonic
  Duration system_due{};   ///< monotonic
  bool late_rows = false;  ///< rows came after its end was told
  bool summary_due = false;
  nlohmann::json system_metrics;  ///< not yet told; null when there are none
  Time system_time;               ///< heartbeat of the last system metrics told

  bool has_rows_to_come() const { return cursor.next_step <= last_step; }
};

}  // namespace redflag::daemon
