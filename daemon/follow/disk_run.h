// One run as its files tell it: who it is, its rows as observations, what it says in its log, how it ends.
// Takes the readers' events, gives what is to be submitted; does no I/O and knows no clock.
//
// Facts of its console log (subject log, key = path, source "console"):
//   error     kind of the first thing since training last went on that people want to know at once
//             (log_patterns.yaml), with detail, severity, rank, where, line; "" once training went on
//   cause     what the run died of, once that is known, with cause_detail; "" while it is not
//   read      true: it was read to its end, so that what it does not say is known, too
//   name, path
// and of a W&B run file (source "wandb_file"): alert_title, alert_text, alert_level of wandb.alert().
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/follow/local_layout.h"
#include "daemon/local/death.h"
#include "daemon/local/local_event.h"
#include "daemon/monitor/intake.h"
#include "daemon/runs/attempt_tracker.h"
#include "daemon/runs/row_builder.h"

namespace redflag::daemon::follow {

class DiskRun {
 public:
  explicit DiskRun(LocalPlace place);

  /// A file of it was found.
  void has(LocalKind kind) { kinds_.insert(kind); }
  bool has_kind(LocalKind kind) const { return kinds_.contains(kind); }

  /// The key is decided; `known`: what was kept under it. Before that nothing can be submitted.
  void name(std::string key, const RunInfo* known);
  bool named() const { return !info_.key.empty(); }
  const std::string& key() const { return info_.key; }
  const RunInfo& info() const { return info_; }
  const LocalPlace& place() const { return place_; }

  /// One event of one of its files. `seen`: when it appeared there. Events that say who the run is may come
  /// before it has a name; other ones may not.
  void take(LocalKind kind, const std::string& path, const std::string& prefix, local::LocalEvent& event,
            Time seen, const RowBuilder& builder, SourceBatch& batch);
  /// Its console log, seen to its end: what it died of. Only to be asked when it is over, or silent for long.
  void judge_log(const std::string& path, const local::LastWords& words, bool sure, Time now,
                 SourceBatch& batch);
  void went_on(const std::string& path, Time now, SourceBatch& batch);
  /// Its console log was read to its end: told when the run is next settled, after the run itself.
  void read_whole(const std::string& path) { logs_read_.push_back(path); }
  /// A file of it grew: whoever was taken for dead is not.
  void grew(Time now, SourceBatch& batch);

  /// The files say that it came to its last step (not of W&B runs: those say how they end themselves).
  void completed(Time at);
  /// Nothing came of it for so long that it is over, whatever it says.
  void lost(Time at);
  /// Of old runs only the state is told, and nobody is paged.
  void set_historic() { info_.historic = true; }
  bool historic() const { return info_.historic; }
  void first_seen(Time at);
  void written(Time at);

  /// What changed about the run as a whole. Last of a batch: an end comes after its rows.
  void settle(SourceBatch& batch, Time now);
  /// Tells who it is, if nobody did: before its first row.
  void introduce(SourceBatch& batch, Time now);

  bool ended() const { return has_ended(info_.state); }
  bool said_goodbye() const { return exit_code_.has_value(); }
  std::optional<int> exit_code() const { return exit_code_; }
  Time last_row() const { return last_row_; }
  Time last_sign() const { return last_sign_; }  ///< of training, that is no row
  std::string error() const { return error_; }
  std::uint64_t rows() const { return rows_; }
  /// Another directory of the same run is newer: this one's end is not the run's.
  void supersede() { superseded_ = true; }
  bool superseded() const { return superseded_; }
  /// Its files are those of a run that others speak for: they give rows and the cause of its death, not its
  /// name and state.
  void attach() { superseded_ = attached_ = true; }
  bool attached() const { return attached_; }

  std::string serialize_attempts(LocalKind kind, const std::string& prefix) const;
  void restore_attempts(LocalKind kind, const std::string& prefix, const std::string& text);

 private:
  bool wants_console_rows() const;
  void take_row(LocalKind kind, const std::string& prefix, const local::Row& row, Time seen,
                const RowBuilder& builder, SourceBatch& batch);
  void take_system(const local::SystemRow& row, const RowBuilder& builder, SourceBatch& batch);
  void take_match(const std::string& path, const local::LogMatch& match, Time seen, SourceBatch& batch);
  void take_identity(const local::RunIdentity& identity);
  Observation log_facts(const std::string& path, std::string_view source, Time time) const;
  RowTarget target(std::string source) const;
  bool told_already();

  LocalPlace place_;
  RunInfo info_;
  std::optional<RunInfo> told_;
  std::set<LocalKind> kinds_;
  std::map<std::string, AttemptTracker> trackers_;  // by source and prefix
  std::optional<Observation> totals_;
  std::optional<int> exit_code_;
  /// The end is our own conclusion, from the log at `end_said_by_`: taken back when anything goes on.
  std::optional<RunState> state_before_end_;
  std::string end_said_by_;
  Time last_row_, last_sign_, system_told_;
  std::string error_, cause_;
  std::vector<std::string> logs_read_;  ///< not told yet
  bool own_cpu_ = false;
  bool own_gpu_ = false;
  bool superseded_ = false;
  bool attached_ = false;
  bool totals_due_ = false;
  std::uint64_t rows_ = 0;
};

/// Whether people are told of an error when it is read: of some kinds of log_patterns.yaml, and of all of the
/// user's own. Others count only as a cause of death.
bool told_at_once(std::string_view kind, bool own);

/// The severity of a user's own pattern whose kind none of our rules tells of, for the rule that tells of
/// those; empty: not one.
std::string own_severity(std::string_view kind, bool own, local::LogSeverity severity);

}  // namespace redflag::daemon::follow
