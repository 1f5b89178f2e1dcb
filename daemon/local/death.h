// What a run died of, as far as its log tells.
//
// A log is full of errors that killed nobody: tracebacks that were logged while training went on, failed
// uploads, retries. And the last error is often not the one that mattered: ranks that wait report a timeout,
// launchers report that a child failed. So errors are gathered since the last sign of training; of these the
// heaviest is the cause, of equally heavy ones the first, of plain exceptions the last.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

struct LastWords {
  std::optional<LogMatch> cause;       ///< what the process died of; nullopt: the log names nothing
  std::optional<LogMatch> last_error;  ///< the last deadly thing said, whether it killed or not
  bool went_on = false;                ///< training went on after last_error, or after what was noted
  std::uint64_t lines_after = 0;       ///< lines since last_error
  bool completed = false;              ///< the log says that training came to its end
};

/// State of one log. Memory: at most 32 matches.
class DeathWatch {
 public:
  /// A deadly match, in the order of the log. `weight` as in log_patterns.yaml; plain exceptions 20.
  void add(const LogMatch& match, int weight);
  /// Something was said that killed nobody and stands until training goes on.
  void note();
  /// The match replaces the one added last: a chained exception, seen whole.
  void replace_last(const LogMatch& match, int weight);
  void line() { ++lines_; }
  /// A bar went on, or a row of a later step: whatever was said before killed nobody. `sure` is false for a
  /// row that may have waited in a buffer while the process died (stdout to a file is written at the very
  /// end).
  void trained(bool sure);
  void completed() { completed_ = true; }

  /// `exit_code`: of the process, where it is known. 0: there is no cause.
  LastWords judge(std::optional<int> exit_code) const;

  /// To be kept with the source's cursor. `restored` throws nlohmann's exceptions on anything else.
  nlohmann::json state() const;
  bool untouched() const;  ///< but for the count of lines there is nothing to keep
  std::uint64_t lines() const { return lines_; }
  void set_lines(std::uint64_t lines) { lines_ = lines; }
  static DeathWatch restored(const nlohmann::json& state);

 private:
  struct Suspect {
    LogMatch match;
    int weight = 0;
    std::uint64_t at = 0;  // in lines
  };
  const Suspect* heaviest(const std::vector<Suspect>& suspects) const;

  std::vector<Suspect> suspects_;  // since the last sign of training
  std::vector<Suspect> doubted_;   // before a row that may have waited in a buffer
  std::optional<Suspect> last_;
  std::uint64_t lines_ = 0;
  bool noted_ = false;
  bool went_on_ = false;
  bool completed_ = false;
};

}  // namespace redflag::daemon::local
