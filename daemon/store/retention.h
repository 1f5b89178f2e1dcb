// What is forgotten, so that the database of a year is no larger than that of a month. Space that becomes
// free is used again; the file itself does not shrink.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/store/database.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct Retention {
  Time points_before;    ///< points of ended runs older than this go
  Time messages_before;  ///< sent messages and ended silences older than this go
  Time alerts_before;    ///< ended alerts older than this go
  Time thin_before{};    ///< runs that ended before this keep about `thinned` points for each metric
  std::int64_t thinned = 500;
  /// Of what has not ended so many points are kept as they came: windows are rebuilt from them. Older ones
  /// are thinned as well.
  std::int64_t newest = 50'000;
  std::int64_t at_a_time = 20'000;  ///< points looked at in one call; the rest is for the next
};

/// One transaction.
Result<void> prune(Database& database, const Retention& retention);

/// Of the subject's rows, the newest `newest` excepted and `at_most` looked at, every metric keeps about
/// `wanted` points, evenly spread, its first and last among them; a row stays if any metric of it does. So
/// what is logged seldom (scores) stays whole where what is logged often (losses) gets thin. Gives how many
/// rows were looked at.
Result<std::int64_t> thin_points(Database& database, const std::string& subject, std::int64_t newest,
                                 std::int64_t wanted, std::int64_t at_most);

}  // namespace redflag::daemon
