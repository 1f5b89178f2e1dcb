// Recorded logs in the formats that redflagd also follows live: W&B's run files, TensorBoard's event files
// and console logs.
#pragma once

#include <string>
#include <string_view>

#include "daemon/cli/recorded_log.h"

namespace redflag::daemon {

/// ":W&B…", or TFRecords: told by the first bytes, whatever the file's name.
bool looks_like_wandb_file(std::string_view bytes);
bool looks_like_tfevents(std::string_view bytes);

/// Each fills `log` (its run's key and name are set before) from the whole file. Damage becomes a note.
/// Errors (invalid_input): nothing of that format is in it.
Result<void> take_wandb_file(std::string_view bytes, const std::string& path, RecordedLog& log,
                             const MetricNames& names);
Result<void> take_tfevents(std::string_view bytes, const std::string& path, RecordedLog& log,
                           const MetricNames& names);
/// A text that holds a metric, or something that people want to know of.
Result<void> take_console(std::string_view text, const std::string& path, RecordedLog& log,
                          const MetricNames& names);

}  // namespace redflag::daemon
