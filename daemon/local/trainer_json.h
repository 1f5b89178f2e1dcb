// The Trainer's own logs on disk: HF's trainer_state.json, written anew at each checkpoint with the whole
// history in it, and JSON lines that are appended to (LLaMA-Factory's trainer_log.jsonl and everybody's
// metrics.jsonl).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/local/line_splitter.h"
#include "daemon/local/local_event.h"
#include "daemon/runs/row_json.h"

namespace redflag::daemon::local {

/// What a trainer_state.json says of the run as a whole.
struct TrainerState {
  LoggedRow head;  ///< the numbers and texts beside log_history: global_step, max_steps, best_metric, …
  std::uint64_t rows = 0;  ///< of log_history

  std::int64_t step(std::string_view name) const;  ///< a whole number of head; -1: absent
  /// The log says that it reached its last step.
  bool finished() const;
  /// What the Trainer meant to do: max_steps, num_train_epochs, logging_steps, eval_steps, save_steps and
  /// train_batch_size, each when above 0 (HF writes -1 and 0 for "not set").
  nlohmann::json plan() const;
};

/// Reads the files of one run one after another: the same one rewritten, or that of the next checkpoint. Rows
/// told before are told no more. Not thread-safe. Memory: four bytes a row.
class TrainerStateReader {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{512} << 20;

  enum class Outcome {
    read,      ///< `state` is what the file says; its new rows were told
    not_yet,   ///< it ends too early: somebody is writing it, or it was cut; nothing was told
    not_this,  ///< no trainer state; `reason` says what instead
  };

  explicit TrainerStateReader(EventSink sink);

  /// `text` is the whole file. Each new row goes to the sink, `seq` counting from 0. When the history no
  /// longer begins as it did (the run was resumed from an older checkpoint, or it is another run), a Trouble
  /// of kind rewritten goes first, and then the rows from the first that differs.
  Outcome read(std::string_view text);

  const TrainerState& state() const { return state_; }
  const std::string& reason() const { return reason_; }

  /// What was told, to be kept with the source's cursor: "ROWS HASH". `restore` refuses anything else. A
  /// restored reader knows only whether the beginning is the same, so a rewritten history is told from its
  /// first row.
  std::string serialize() const;
  bool restore(std::string_view text);

 private:
  EventSink sink_;
  RowJson json_;
  TrainerState state_;
  std::string reason_;
  std::vector<std::uint32_t> told_;  // a hash of each row told
  std::uint64_t restored_rows_ = 0;  // told before a restart, of which only this is known:
  std::uint32_t restored_hash_ = 0;
  LocalEvent row_event_;
};

/// JSON lines, appended to. Not thread-safe; neither copied nor moved.
class JsonLinesReader {
 public:
  /// `resume_at`: cursor(); `lines_before`: lines() at that time, for row numbers.
  explicit JsonLinesReader(EventSink sink, std::uint64_t resume_at = 0, std::uint64_t lines_before = 0);
  JsonLinesReader(const JsonLinesReader&) = delete;
  JsonLinesReader& operator=(const JsonLinesReader&) = delete;

  void feed(std::string_view bytes);
  /// Reads what stands behind the last line end. A line that is no whole JSON yet stays.
  void finish();

  std::uint64_t next_offset() const { return lines_.next_offset(); }
  std::uint64_t cursor() const { return lines_.cursor(); }
  std::uint64_t lines() const { return lines_.lines(); }
  bool stopped() const { return stopped_; }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t unreadable() const { return unreadable_; }  ///< lines that are no JSON object

 private:
  void take_line(std::string_view line, std::uint64_t offset);
  void tell(Trouble trouble);

  EventSink sink_;
  LineSplitter lines_;
  RowJson json_;
  LocalEvent row_event_;
  bool stopped_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace redflag::daemon::local
