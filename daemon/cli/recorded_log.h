// A training log that somebody kept, read whole: HF's trainer_state.json, JSON lines (trainer_log.jsonl and
// the like), CSV, W&B's run file, TensorBoard's event file, or what a training printed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/runs/metric_names.h"
#include "daemon/runs/run_info.h"
#include "rules/values/error.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// Something that the run's console said, or that the script asked to be told (wandb.alert): facts of a log.
struct RecordedWords {
  std::size_t before = 0;  ///< index in RecordedLog::rows of the row that follows; its size: the end
  Observation facts;
};

struct RecordedLog {
  /// Key "file:PATH", name from the path (W&B's run file: the run's own); its state where the log tells how
  /// the run ended: at its last step, by an exit code, or by what it died of. Of a trainer_state.json the
  /// config holds max_steps, num_train_epochs, logging_steps, eval_steps, save_steps and train_batch_size,
  /// each when above 0.
  RunInfo run;
  std::string format;               ///< "trainer_state", "json lines", "json array", "csv", "W&B run file",
                                    ///< "TensorBoard events", "console log"
  std::vector<Observation> rows;    ///< in the order of the file; may be empty
  std::vector<RecordedWords> said;  ///< in the order of the file
  std::vector<std::string>
      notes;  ///< what a person should know: "2 lines could not be read, the first is line 7: …"
};

/// Reads up to 512 MB. What is not a training log is ErrorCode::invalid_input and says what it seems to be
/// instead.
Result<RecordedLog> read_recorded_log(const std::string& path, const MetricNames& names);

}  // namespace redflag::daemon
