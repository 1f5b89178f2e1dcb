// What a training script tells by itself: JSON lines, posted to the local API (docs/push.md). The only source
// that is not looked for: what is posted is judged, committed and answered within milliseconds.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/follow/joined_intake.h"
#include "daemon/local/log_patterns.h"
#include "daemon/runs/attempt_tracker.h"
#include "daemon/runs/row_builder.h"

namespace redflag::daemon::follow {

inline constexpr std::size_t kMostPushedLines = 5000;    ///< of one request
inline constexpr std::size_t kMostPushedRuns = 10'000;   ///< that are remembered
inline constexpr std::size_t kMaxPushedNameBytes = 256;  ///< of an id, a name, a project

struct PushedLine {
  std::size_t line = 0;  ///< from 1
  std::string error;
};

struct PushResult {
  std::size_t accepted = 0;        ///< lines; they are committed
  std::vector<PushedLine> errors;  ///< of the others
};

class PushIntake {
 public:
  /// The references must outlive it. `wandb_host`: first part of the key of runs that name their project.
  PushIntake(JoinedIntake& intake, Clock& clock, const MetricNames& names, std::string wandb_host);

  /// Takes a body of lines; resumes once what they told is durable. One after another, in order.
  asio::awaitable<PushResult> take(std::string body);

 private:
  struct Run {
    std::string key;  // as pushed; info.key is the one it is known under
    RunInfo info;
    AttemptTracker attempts;
    std::string error;  // of its log, that was told
    bool told = false;
  };
  std::string take_line(const nlohmann::json& line, SourceBatch& batch);
  std::string take_row(Run& run, const nlohmann::json& line, SourceBatch& batch);
  std::string take_event(Run& run, const std::string& event, const nlohmann::json& line, SourceBatch& batch);
  std::string take_log(Run& run, const std::string& text, SourceBatch& batch);
  Run* obtain(const nlohmann::json& line, std::string& error);
  void introduce(Run& run, SourceBatch& batch);
  void tell(Run& run, SourceBatch& batch);

  JoinedIntake& intake_;
  Clock& clock_;
  RowBuilder builder_;
  std::string wandb_host_;
  std::map<std::string, Run> runs_;
  std::set<std::string> moved_;  // keys of runs that told rows in this request
};

}  // namespace redflag::daemon::follow
