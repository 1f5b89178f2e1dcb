// The source of everything that training writes below one directory: finds W&B run directories, trainer logs,
// TensorBoard files and console logs, follows them within moments of a write, and hands what they tell to the
// joined intake, each batch with the positions it was read up to. docs/local-sources.md says what becomes of
// which file.
//
// Facts of the source (subject source "local:ROOT"): kind = "local", reachable, watching ("inotify",
// "polling", "absent"), files, runs, active_runs (numbers), rows_per_second, lag_seconds (from a write to its
// reading), degraded (text, "" = all is well: files that cannot be read or are something else, each named
// once).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/follow/disk_run.h"
#include "daemon/follow/joined_intake.h"
#include "daemon/follow/tailed_file.h"
#include "daemon/results/tree_watcher.h"

namespace redflag::daemon::follow {

struct LocalSettings {
  std::string root;                                           ///< absolute
  std::vector<std::string> logs;                              ///< globs of console logs over whole paths
  bool logs_only = false;                                     ///< the root is there for its logs alone
  std::string wandb_host;                                     ///< first part of run keys: "api.wandb.ai"
  std::vector<std::pair<std::string, std::string>> projects;  ///< configured: entity, project
  WatcherSettings watcher;
  Duration pace =
      std::chrono::milliseconds{60};  ///< between two readings, so that many writes are one commit
  Duration old_after =
      std::chrono::hours{24};  ///< what was not written for so long is read for its state only
  Duration identity_wait = std::chrono::seconds{20};  ///< for a run directory whose .wandb is still empty
  Duration quiet_after = std::chrono::seconds{1};     ///< a bar that is drawn and not ended counts then
  Duration row_written_within =
      std::chrono::milliseconds{5};  ///< the events of a row in an event file, where they are not one write
  Duration dead_after =
      std::chrono::minutes{10};  ///< of silence of the whole run, until a log's last error is taken for its
                                 ///< end: shorter ones follow an error that was caught and logged, too
  Duration watermark_every = std::chrono::seconds{5};
  Duration cursor_every = std::chrono::seconds{5};  ///< where nothing was told that positions would go with
  Duration health_every = std::chrono::minutes{1};
  std::size_t pieces_per_round = 16;             ///< of TailedFile::kPiece bytes
  const local::LogPatterns* patterns = nullptr;  ///< nullptr: those that ship
};

class LocalSource {
 public:
  /// The references must outlive the source.
  LocalSource(asio::any_io_executor executor, Clock& clock, JoinedIntake& intake, FileSystem& files,
              InotifyApi& inotify, const MetricNames& names, LocalSettings settings);
  ~LocalSource();
  LocalSource(const LocalSource&) = delete;
  LocalSource& operator=(const LocalSource&) = delete;

  /// Runs until cancelled.
  asio::awaitable<void> run();

  const std::string& name() const { return name_; }
  WatchHealth health() const { return watcher_.health(); }
  std::size_t files() const { return entries_.size(); }
  std::size_t runs() const { return runs_.size(); }
  std::uint64_t rows() const { return rows_; }
  bool listed() const { return listed_; }

 private:
  struct Entry {
    explicit Entry(std::unique_ptr<TailedFile> f) : file(std::move(f)) {}
    std::unique_ptr<TailedFile> file;
    bool restored = false;  // a position was kept
    bool checked = false;   // old or not was decided
    bool skip = false;      // old, and nothing in it is wanted
    bool live = false;      // was read to its end once
    bool unflushed = false;
    bool unnamed_told = false;
    std::int64_t checkpoint = -1;  // trainer_state: the directory's number
    Time modified;                 // newest known
    Duration grew_at{};            // monotonic
    bool began = false;            // something was read since the start
  };
  using Events = std::vector<local::LocalEvent>;

  // --- local_source.cpp
  void note(const FileEvent& event);
  void note_file(const std::string& path, const FileStat* stat);
  void forget(const std::string& path);
  bool row_may_be_in_writing() const;
  Entry& obtain(const LocalPlace& place, const std::string& path, const std::string& key);
  DiskRun& run_of(const LocalPlace& place);
  bool read_round(SourceBatch& batch);
  bool read_entry(const std::string& key, Entry& entry, SourceBatch& batch);
  bool check_age(Entry& entry, DiskRun& run);
  void apply(Entry& entry, DiskRun& run, Events& events, Time seen, SourceBatch& batch);
  asio::awaitable<void> hand_over(SourceBatch batch);
  void complain(const std::string& path, const std::string& what);

  // --- local_source_upkeep.cpp
  bool decide_name(DiskRun& run, const std::string& path, bool force);
  std::string service_key(const RunInfo& info) const;
  void name_run(DiskRun& run, std::string key);
  void after_read(Entry& entry, DiskRun& run, const ReadResult& result, Time seen, SourceBatch& batch);
  void settle_runs(SourceBatch& batch);
  asio::awaitable<void> upkeep();
  void flush_quiet(Duration now, SourceBatch& batch);
  void judge_logs(Duration now, SourceBatch& batch);
  void tell_watermarks(SourceBatch& batch);
  void tell_health(SourceBatch& batch, Duration now);

  asio::any_io_executor executor_;
  Clock& clock_;
  JoinedIntake& intake_;
  FileSystem& files_;
  RowBuilder builder_;
  LocalSettings settings_;
  TreeWatcher watcher_;
  std::string name_;
  std::map<std::string, Entry> entries_;                  // by path; a run's trainer_state.json files are one
  std::map<std::string, std::unique_ptr<DiskRun>> runs_;  // by group
  std::set<std::string> dirty_;
  std::set<std::string> waiting_;                  // for their run's name
  std::map<std::string, Duration> unnamed_since_;  // by group
  std::set<DiskRun*> touched_;
  std::set<std::string> cursors_due_;  // keys of entries
  std::set<std::string> reborn_;       // old ones that live again: what was kept of them no longer counts
  std::map<std::string, Time> group_modified_;
  std::map<std::string, std::string> troubles_;  // path → what
  bool listed_ = false;
  Duration read_at_{}, cursors_at_{}, marks_at_{}, upkeep_at_{}, health_at_{};
  bool health_told_ = false;
  std::string told_degraded_, told_watching_;
  std::uint64_t rows_ = 0, rows_told_ = 0;
  double lag_seconds_ = 0.0;
};

}  // namespace redflag::daemon::follow
