// Where the sources of one run meet: every source hands its batches to a side of this intake, which takes
// from them what another has told already (PointLedger), joins what is said of states (run_join) and of
// silence (SilenceJoin), and passes the rest on. What it has to remember goes into the same transaction.
//
// A run may be known by two keys: first met on disk before anybody knew its entity and project, later through
// the API. Then the key it was met under stays its key, with its alerts; see same_run().
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/follow/point_ledger.h"
#include "daemon/follow/run_join.h"
#include "daemon/follow/silence.h"
#include "daemon/monitor/intake.h"

namespace redflag::daemon::follow {

class JoinedIntake {
 public:
  /// Both must outlive it. `inner` keeps whatever it is given, as Monitor does: what it refused and is
  /// offered again would be taken for told. One event loop; no thread-safety.
  JoinedIntake(Intake& inner, Clock& clock);
  ~JoinedIntake();
  JoinedIntake(const JoinedIntake&) = delete;
  JoinedIntake& operator=(const JoinedIntake&) = delete;

  Intake& service();  ///< for W&B's API
  Intake& disk();     ///< for local files, the machine, pushes

  /// A point that was kept, before anything is submitted.
  void recall(const Observation& point);

  /// The run wrote something at `at`. `training`: something that shows that it goes on, though it is no row.
  void note_sign(const std::string& run, Time at, bool training);
  /// `service_key`, as the API will name it, is the run that is known as `disk_key`. Kept with the next
  /// batch.
  void same_run(const std::string& service_key, const std::string& disk_key);
  /// A run on disk of which nobody knows entity and project: whichever run the API comes to tell of with this
  /// id, or which writes to this directory by its own configuration, is the same.
  void expect_id(const std::string& id, const std::string& disk_key) { by_id_[id] = disk_key; }
  void expect_directory(const std::string& directory, const std::string& disk_key);
  /// A script tells of a run itself, which writes to these directories and files. The key that it is known
  /// under: a run that was known from these files alone, and was written lately, is the same.
  std::string pushed(const RunInfo& info, const std::vector<std::string>& places);
  /// Is somebody else than its files speaking for the run of that key?
  bool spoken_for(const std::string& key) const { return spoken_.contains(key); }
  /// When it last gave any sign; Time{}: not known.
  Time last_heard(const std::string& key) const;
  /// The one run not ended (else the only one at all) whose configuration names the directory as output_dir
  /// or logging_dir; empty: none, or several. Relative ones count from `run_directories` that were told.
  std::string writer_of(const std::string& directory) const;
  /// Directories that a run on disk writes to, absolute.
  void writes_to(const std::string& run, std::vector<std::string> directories);
  /// A source reads a file from its beginning again: what it told itself counts as told, too.
  void read_again(const std::string& run, const std::string& source);
  /// The key under which a run is known here.
  const std::string& known_as(const std::string& key) const;

  /// Tells the end of runs whose end was put off because their directory was still written, and no longer is.
  /// To be called now and then.
  asio::awaitable<void> tell_overdue();

  std::uint64_t points_twice() const { return points_twice_; }  ///< samples that another source had told

 private:
  enum class Side : std::uint8_t { service, disk };
  class Face;
  struct Run {
    PointLedger ledger;
    SilenceJoin silence;
    RunSides sides;
    Time system_from_disk;                 // of the newest sample of the machine
    bool ended = false;                    // as joined
    std::vector<std::string> directories;  // that it writes to
  };

  asio::awaitable<Result<void>> submit(Side side, SourceBatch batch);
  void join(Side side, SourceBatch& batch);
  bool join_input(Side side, SourceBatch& batch, SourceBatch::Input& input);
  void join_facts(Side side, const SourceBatch& batch, Observation& facts);
  bool join_row(Side side, Observation& row);
  bool join_summary(Side side, Observation& summary);
  RunInfo joined(Run& run) const;
  Run& obtain(const std::string& key);
  void rename(std::string& key) const;
  void recognise(const RunInfo& info);
  bool taken(const std::string& disk_key) const;
  SourceBatch overdue();
  void keep(const std::string& key, Run& run, bool whole, SourceBatch& batch);
  void prune(Time now);

  Intake& inner_;
  Clock& clock_;
  std::unique_ptr<Face> service_;
  std::unique_ptr<Face> disk_;
  std::unordered_map<std::string, Run> runs_;
  mutable std::unordered_map<std::string, std::string> names_;  // service's key → ours
  mutable std::unordered_set<std::string> asked_names_;         // of which it was looked what was kept
  std::unordered_set<std::string> asked_runs_;
  std::unordered_map<std::string, std::string> by_id_, by_directory_;  // of runs on disk without a name
  std::unordered_set<std::string> spoken_;                             // keys of runs that are pushed
  SourceBatch unkept_;                                                 // names that are still to be kept
  Time pruned_;
  std::uint64_t points_twice_ = 0;
};

}  // namespace redflag::daemon::follow
