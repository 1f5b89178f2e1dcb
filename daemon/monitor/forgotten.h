// Runs that ended long ago (`store.retention`) are forgotten, with their cursors, and W&B still lists them.
// That they were known once is kept as one position a project, however many they are: the newest sign of life
// of any that was forgotten. A run that has ended, has no cursor, and is not newer than that is none that
// could be news.
#pragma once

#include <charconv>
#include <optional>
#include <string>

#include "daemon/monitor/intake.h"

namespace redflag::daemon {

inline constexpr const char* kForgottenSource = "redflag";

/// Key of the position. `run_key_prefix` is that of the project's runs: "api.wandb.ai/ent/proj".
inline std::string forgotten_key(const std::string& run_key_prefix) {
  return "forgotten:" + run_key_prefix;
}

/// Microseconds, for the mark must not be rounded down. Never goes back.
inline std::string encode_forgotten(Time mark) {
  return std::to_string(mark.time_since_epoch().count());
}
/// Time{} when there is none, or it cannot be read.
inline Time decode_forgotten(const std::optional<std::string>& kept) {
  std::int64_t micros = 0;
  if (kept) std::from_chars(kept->data(), kept->data() + kept->size(), micros);
  return Time{Duration{micros}};
}

/// Whether a run that has ended and that no cursor knows may be one that was forgotten.
inline bool may_be_forgotten(const RunInfo& run, Time mark) {
  const Time sign = last_sign(run);
  return has_ended(run.state) && sign != Time{} && sign <= mark;
}

}  // namespace redflag::daemon
