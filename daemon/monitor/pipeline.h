// From what a source says to what has to be kept and sent, without waiting for anything: registry, engine,
// lifecycle, messages.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerts/lifecycle.h"
#include "daemon/monitor/intake.h"
#include "daemon/store/records.h"
#include "rules/engine/engine.h"

namespace redflag::daemon {

/// What something led to: what has to be kept, and what is to be announced. The forms of the announcements
/// join the commit before it is written: one transaction.
struct Effects {
  Commit commit;
  std::vector<alerts::Notification> notifications;
  bool may_linger = false;  ///< see SourceBatch::read_again

  bool empty() const { return commit.empty() && notifications.empty(); }
};

class Pipeline {
 public:
  /// Of `lifecycle`, what the pipeline knows itself is filled in here.
  Pipeline(std::shared_ptr<const RuleSet> rules, alerts::LifecycleOptions lifecycle, Time now);
  Pipeline(const Pipeline&) = delete;  // the lifecycle asks it
  Pipeline& operator=(const Pipeline&) = delete;

  /// After a start or a reload: what was kept. Points come through `rebuild` between the two; `finish` may
  /// yield transitions (rules that no longer exist).
  void resume(StoredState&& state);
  PointsWanted wants_points_of(const Subject& subject) const;
  void rebuild(Observation&& point) { engine_.rebuild(point); }
  Effects finish_resume();

  /// Applies a batch. What comes back has to be committed whole before any of its messages is sent.
  Effects apply(SourceBatch&& batch, Time now);
  Effects tick(Time now);

  /// What people do; the commit is what has to be kept of it.
  Result<alerts::Alert> acknowledge(const std::string& id, alerts::Acknowledgement acknowledgement,
                                    Commit& commit);
  Result<alerts::Alert> unacknowledge(const std::string& id, Commit& commit);
  void put_silence(alerts::Silence silence, Commit& commit);
  /// A position of redflag's own.
  void keep_cursor(CursorUpdate update, Commit& commit) { take_cursor(std::move(update), commit); }
  /// Of runs that ended long ago, all that is kept: record, facts, points, cursor, instances; what of their
  /// alerts is still open closes. Runs whose last sign of life is older than `then`, at most `most` of them;
  /// nothing when there are none (any more). See Forgotten.
  Effects forget_runs_ended_before(Time then, std::size_t most, Time now);
  void forget_silences_ended_before(Time then) { lifecycle_.forget_silences_ended_before(then); }

  alerts::RunContext context_of(const std::string& run_key) const;
  /// Since when the subject of an alert has told nothing, though it should; Time{}: it has lately.
  Time no_data_since(const Transition& transition) const;
  /// Runs and alerts, for a store that lost what it had. Cursors are left out: then sources are read again.
  Commit everything() const;

  std::optional<std::string> cursor(const std::string& source, const std::string& key) const;
  const RunInfo* run(const std::string& key) const;
  const std::unordered_map<std::string, RunInfo>& runs() const { return runs_; }
  const alerts::Lifecycle& lifecycle() const { return lifecycle_; }
  /// All that fires and somebody was told of, for receivers that have to be kept told; not what is muted.
  std::vector<alerts::Notification> firing() const;

 private:
  void take_run(RunInfo&& run, Commit& commit);
  void take_cursor(CursorUpdate&& update, Commit& commit);
  void tell_first_read(const FirstRead& read, Effects& effects, Time now);
  void settle(std::vector<Transition>& transitions, Effects& effects);
  static void keep(alerts::LifecycleOutput&& output, Effects& effects);
  void hear(const SourceBatch::Input& input, Time now);
  bool to_forget(const RunInfo& run, Time then) const;
  void forget_run(const std::string& key);

  Engine engine_;
  alerts::Lifecycle lifecycle_;
  std::unordered_map<std::string, RunInfo> runs_;
  std::map<std::pair<std::string, std::string>, std::string> cursors_;
  std::vector<RuleInstance> kept_instances_;
  std::map<Subject, Time> heard_;  // wall clock; of runs that have not ended, sources and hosts
  std::unordered_map<std::string, Time> ended_lately_;  // run → when its end was told, wall clock
  Time started_;
  Time now_;
};

}  // namespace redflag::daemon
