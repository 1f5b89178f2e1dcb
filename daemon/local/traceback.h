// Tracebacks as they stand in a log: Python's own, chained ones, ExceptionGroups, Jupyter's and rich's boxes.
// One collector for each rank that speaks: their lines come mixed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon::local {

/// An exception, as its traceback tells it.
struct TracebackResult {
  std::string exception;   ///< type: "torch.OutOfMemoryError"; may have a module
  std::string message;     ///< first line of it
  std::string where;       ///< last frame outside of installed packages: "train.py:107 in train_model"
  std::string root;        ///< "ValueError: …" that this one came of, when it is chained; else empty
  bool chained = false;    ///< it replaces the exception told before it
  bool harmless = false;   ///< "--- Logging error ---", "Exception ignored in": nothing ends of it
  bool in_thread = false;  ///< "Exception in thread Thread-3": the main thread goes on
  std::uint64_t first_line = 0;
};

class TracebackCollector {
 public:
  enum class Taken {
    no,         ///< the line is none of the traceback's
    yes,        ///< it is
    exception,  ///< it is, and names the exception: see result()
  };

  /// `text` without prefix and colours. `line` is its number.
  Taken take(std::string_view text, std::uint64_t line);

  const TracebackResult& result() const { return result_; }
  /// Within frames: the exception is still to come.
  bool open() const { return state_ != State::idle && state_ != State::after; }
  /// The end of the log: what is open is given up.
  void reset() { state_ = State::idle; }

  /// What stands before a traceback of no consequence.
  void mark_harmless() { harmless_next_ = true; }
  void mark_thread() { thread_next_ = true; }

 private:
  enum class State { idle, frames, group, jupyter, box, call_stack, after };

  bool begins(std::string_view text, std::uint64_t line);
  Taken in_frames(std::string_view text);
  Taken in_group(std::string_view text);
  Taken in_jupyter(std::string_view text);
  bool name_exception(std::string_view text);
  void take_frame(std::string_view text);

  State state_ = State::idle;
  TracebackResult result_;
  std::string jupyter_name_;
  int foreign_lines_ = 0;
  int lines_after_ = 0;
  bool chain_announced_ = false;
  bool harmless_next_ = false;
  bool thread_next_ = false;
  bool group_named_ = false;
  std::uint32_t lines_ = 0;
};

/// "ValueError: bad" or "KeyboardInterrupt": how an exception's line begins. Splits it; false: it is no such
/// line.
bool split_exception(std::string_view text, std::string_view& type, std::string_view& message);

}  // namespace redflag::daemon::local
