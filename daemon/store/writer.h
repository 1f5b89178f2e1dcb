// Puts commits into the database.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "daemon/store/database.h"
#include "daemon/store/records.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// Writes all of it in one transaction; on an error nothing of it is kept.
Result<void> write_commit(Database& database, const Commit& commit);

/// Everything but the points. A record that cannot be read is skipped and counted in `skipped`.
Result<StoredState> read_state(Database& database, std::size_t& skipped);

/// What is kept of a file; nullopt when nothing is.
Result<std::optional<VerdictRecord>> read_verdict(Database& database, const std::string& path);

/// Bounds of the table of verdicts; beyond them the oldest go, down to nine tenths.
struct VerdictBounds {
  std::int64_t records = 20'000;
  std::int64_t bytes = 128'000'000;  ///< of reports
};
/// Part of every commit with verdicts in it.
Result<void> limit_verdicts(Database& database, const VerdictBounds& bounds);

/// The kept points of the subjects for which `wanted` says yes, in the order in which they came.
Result<void> read_points(Database& database, const std::function<PointsWanted(const Subject&)>& wanted,
                         const std::function<void(Observation&&)>& each);

/// The same of one subject.
Result<void> read_points_of(Database& database, const Subject& subject,
                            const std::function<void(Observation&&)>& each);

/// The last attributes of every subject of these kinds, of each subject all in one, by subject; `time` is the
/// newest of them.
Result<std::vector<Observation>> read_facts(Database& database, const std::vector<SubjectKind>& kinds);

}  // namespace redflag::daemon
