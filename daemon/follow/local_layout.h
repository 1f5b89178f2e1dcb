// What a path on the training machine means, by its name alone. Pure.
//   **/run-YYYYMMDD_HHMMSS-ID/run-ID.wandb, files/output.log   a W&B run's directory (offline-run-… too)
//   **/*.wandb                                                 one that was taken out of it
//   **/trainer_state.json, **/checkpoint-N/trainer_state.json  of the run that writes to that directory
//   **/trainer_log.jsonl, **/output.log                        the same
//   **/*tfevents*                                              DIR, DIR/runs/NAME, DIR/{train,validation,…}
//   configured globs                                           console logs
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::follow {

enum class LocalKind : std::uint8_t { none, wandb, console, trainer_state, json_lines, tensorboard };

/// As `source` of observations: "wandb_file", "console", "trainer_state", "trainer_log", "tensorboard".
std::string_view source_of(LocalKind kind);

struct LocalPlace {
  LocalKind kind = LocalKind::none;
  std::string group;     ///< the directory (or lone file) that stands for the run
  std::string wandb_id;  ///< not empty: `group` is a W&B run's directory
  std::string prefix;    ///< tensorboard: "train/", "validation/", …: Keras's two writers
  bool lone = false;     ///< a configured log or a loose .wandb: a run of its own
};

/// `logs` are globs over whole paths.
LocalPlace local_place(std::string_view path, const std::vector<std::string>& logs);

/// The working directory of the script whose run directory this is, as far as W&B's layout tells: the parent
/// of `wandb/`; empty: it lies elsewhere.
std::string working_directory_of(std::string_view wandb_run_directory);

/// "checkpoint-500" → 500; -1: none.
std::int64_t checkpoint_number(std::string_view name);

}  // namespace redflag::daemon::follow
