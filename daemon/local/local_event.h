// What the readers of local files tell. One vocabulary for all of them (.wandb, TensorBoard, console logs,
// trainer_state.json), so that whoever joins the sources of one run need not know who spoke.
//
// Readers are pure: bytes in, events out, no clock, no files. A time is one that the file itself tells;
// Time{} means that it tells none, and the caller knows when the bytes appeared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/runs/logged_row.h"
#include "rules/values/time.h"

namespace redflag::daemon::local {

/// Who the run is, as a `.wandb` file's run record has it. Told again when the record is written again.
struct RunIdentity {
  std::string id, entity, project, name, group, job_type, notes, sweep, host;
  std::vector<std::string> tags;
  Time started;
  bool resumed = false;
  std::int64_t starting_step = 0;
};

/// Configuration that was set, and names that were removed. An object of plain values; NaN as "NaN".
struct ConfigChange {
  nlohmann::json values = nlohmann::json::object();
  std::vector<std::string> removed;
};

/// Where a row's step comes from when the row itself does not say it.
enum class StepFrom : std::uint8_t {
  row,           ///< from the row's own values (RowBuilder finds it), or from nowhere: step is -1
  event,         ///< the format's own field for it (TensorBoard)
  line,          ///< written in the line: "step 100 | loss 1.2"
  progress_bar,  ///< the bar shown before the line; right to within the steps of a tenth of a second
  epochs,        ///< epochs done times the length of the bar that every epoch has anew
};
std::string_view to_string(StepFrom from);

struct Row {
  LoggedRow values;
  std::int64_t seq = -1;   ///< `_step`, line number or number of the row: for resuming, never a step
  std::int64_t step = -1;  ///< -1: see StepFrom::row
  StepFrom step_from = StepFrom::row;
  Time time;
};

/// The run's totals as they stand now: all of them, not only what changed.
struct SummaryRow {
  LoggedRow values;
};

/// One sample of the machine, names as W&B's API has them: "system.gpu.0.memoryAllocated".
struct SystemRow {
  LoggedRow values;
  Time time;
};

/// A line that the run wrote, as `.wandb` keeps it. `fresh_line`: it does not overwrite the one before
/// ("\r").
struct ConsoleText {
  std::string text;  ///< bytes of any number of lines, with their "\n" and "\r"
  bool is_stderr = false;
  Time time;
};

/// The script called wandb.alert.
struct UserAlert {
  std::string title, text, level;  ///< level: "INFO", "WARN", "ERROR"
  Duration wait{};
};

/// The run ended and said so.
struct Exit {
  int code = 0;
  Duration runtime{};
};

/// The scheduler is about to take the machine away (`wandb.mark_preempting`).
struct Preempting {};

/// How far a loop has come, by its bar.
struct Progress {
  std::string label;  ///< "Epoch 3", "Map"; empty for the Trainer's own bar
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0 = unknown
  double per_second = 0;   ///< 0 = not said
  Duration elapsed{};
  Duration remaining{};  ///< negative: not said
};

enum class LogSeverity : std::uint8_t { info, warning, critical };
std::string_view to_string(LogSeverity severity);

/// Something in a log that a person would want to know.
struct LogMatch {
  std::string kind;  ///< the word that rules read as `error`: see docs/logs.md and log_patterns.yaml
  LogSeverity severity = LogSeverity::warning;
  bool deadly = false;     ///< a process that says so does not go on as a rule
  bool own = false;        ///< a pattern of a user's file says so
  std::string detail;      ///< the line, or "ValueError: …"; at most 500 bytes
  std::string exception;   ///< type with module, when it was one: "torch.OutOfMemoryError"
  std::string where;       ///< last own frame: "train.py:107 in train_model"; may be empty
  std::string rank;        ///< "rank3", "default0", … when lines are marked so
  std::uint64_t line = 0;  ///< from 1
  Time time;
};

/// What is wrong with the file itself. The reader goes on unless it says that it stopped.
struct Trouble {
  enum class Kind : std::uint8_t {
    damaged,    ///< a checksum or a structure is wrong; what could not be read was skipped
    too_large,  ///< a record or line beyond the limit was skipped
    not_this,   ///< another format, a git-LFS pointer: the reader has stopped
    rewritten,  ///< the history told so far is no longer what the file says
    restarted,  ///< the writer says that it began anew from here
  };
  Kind kind = Kind::damaged;
  std::string what;
  std::uint64_t offset = 0;  ///< in the file
};
std::string_view to_string(Trouble::Kind kind);

using Happening = std::variant<RunIdentity, ConfigChange, Row, SummaryRow, SystemRow, ConsoleText, UserAlert,
                               Exit, Preempting, Progress, LogMatch, Trouble>;

struct LocalEvent {
  std::uint64_t offset = 0;  ///< of the record, line or row in its file
  Happening what;
};

/// Gets each event in the order of the file. It may move out of the event; what it leaves is used again.
using EventSink = std::function<void(LocalEvent&)>;

}  // namespace redflag::daemon::local
