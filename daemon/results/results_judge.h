// What directories should hold: pure judgements over the records, asked once a directory has been quiet.
// Internal.
#pragma once

#include <string>

#include "daemon/results/results_records.h"
#include "daemon/results/results_summary.h"

namespace redflag::daemon {

/// Every layer that metadata.json lists, or that most other steps have; and metadata.json itself.
Judgement judge_step(FileSystem& files, const DirTable& dirs, const std::string& path, const DirRecord& dir);

/// Weights (all shards of an index), config.json or adapter_config.json. `lacking` names what C1 and C3 want
/// besides.
Judgement judge_checkpoint(FileSystem& files, const std::string& path, const DirRecord& dir);

/// Steps and gaps of one {method}_{task} directory.
SeriesSummary summarise_series(const DirTable& dirs, const std::string& root, const std::string& path,
                               std::int64_t interval);
Judgement judge_series(const DirTable& dirs, const std::string& path, const SeriesSummary& summary,
                       std::int64_t interval);

/// Size of an intact file of the same kind, to say how much of `name` is missing; 0 when there is none to
/// compare with.
std::uint64_t expected_size(const DirTable& dirs, const std::string& path, const DirRecord& dir,
                            const std::string& name);

}  // namespace redflag::daemon
