// What a training script tells by itself: JSON lines, posted to the local API (docs/push.md). The only source
// that is not looked for: what is posted is judged, committed and answered within milliseconds.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/follow/joined_intake.h"
#include "daemon/follow/push_teller.h"
#include "daemon/host/glance.h"
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
  /// `glance`: at the process of a number, see glance_at_process. `patterns`: nullptr: those that ship.
  using Glance = std::function<std::optional<ProcessGlance>(std::int64_t pid)>;
  PushIntake(JoinedIntake& intake, Clock& clock, const MetricNames& names, std::string wandb_host,
             Glance glance = nullptr, const local::LogPatterns* patterns = nullptr);

  /// Takes a body of lines from process `pid` (0: not known); resumes once what they told is durable. One
  /// after another, in order.
  asio::awaitable<PushResult> take(std::string body, std::int64_t pid = 0);

  /// For ever: a run whose process is gone without having told an end has crashed (or finished, when it had
  /// come to its last step).
  asio::awaitable<void> watch();

 private:
  struct Run {
    std::string key;  // as pushed; info.key is the one it is known under
    RunInfo info;
    AttemptTracker attempts;
    std::string error;  // of its log, that was told
    bool told = false;
    PushTeller teller;
    std::vector<std::string> outputs;  // of its process
    std::int64_t last_step = -1;
    std::string end_detail;  // not empty: its end is our own conclusion, and why
  };
  std::string take_line(const nlohmann::json& line, std::int64_t pid, SourceBatch& batch);
  std::string take_row(Run& run, const nlohmann::json& line, SourceBatch& batch);
  std::string take_event(Run& run, const std::string& event, const nlohmann::json& line, SourceBatch& batch);
  std::string take_log(Run& run, const std::string& text, SourceBatch& batch);
  Run* obtain(const nlohmann::json& line, std::int64_t pid, std::string& error);
  bool note_teller(Run& run, std::int64_t pid);
  void find_files(Run& run);
  void introduce(Run& run, SourceBatch& batch);
  void revive(Run& run, SourceBatch& batch);
  bool completed(const Run& run) const;
  void conclude(Run& run, SourceBatch& batch);
  void restore_tellers();
  SourceBatch look();
  void tell(Run& run, SourceBatch& batch);

  JoinedIntake& intake_;
  Clock& clock_;
  RowBuilder builder_;
  std::string wandb_host_;
  Glance glance_;
  const local::LogPatterns& patterns_;
  std::map<std::string, Run> runs_;
  std::string kept_tellers_;
  std::set<std::string> moved_;  // keys of runs that told rows in this request
};

}  // namespace redflag::daemon::follow
