// The page's table of runs, filtered, sorted and cut here: with five thousand runs a browser gets fifty.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/api/target.h"
#include "daemon/overview/overview.h"
#include "rules/values/error.h"

namespace redflag::daemon::page {

enum class RunSort : std::uint8_t { none, name, state, step, remaining, loss, alerts };
enum class RunKind : std::uint8_t { all, live, finished, failed, flagged };

struct RunListRequest {
  std::string text;  ///< every word of it has to be in name, id, project, group, task, method, seed or a tag
  RunKind kind = RunKind::all;
  RunSort sort = RunSort::none;  ///< none: as the overview has them
  bool descending = false;
  std::size_t offset = 0;  ///< past the end: the last page
  std::size_t limit = 50;
};

/// ?text=&state=live|finished|failed|flagged&sort=name|state|step|remaining|loss|alerts&descending=&offset=&limit=
Result<RunListRequest> parse_run_list(const api::Target& target);

struct RunList {
  std::vector<const RunView*> runs;  ///< of the overview that it was made from
  std::size_t matching = 0;
  std::size_t offset = 0;
};

/// What is not known (no loss, no end in sight) comes last, whichever way it is sorted.
RunList run_list(const std::vector<RunView>& runs, const RunListRequest& request);

/// {"total", "matching", "offset", "runs": […]}, runs as in /v1/overview without their metrics.
std::string run_list_json(const RunList& list, std::size_t total);

}  // namespace redflag::daemon::page
