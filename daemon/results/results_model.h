// The results tree as it is known, and what is to be said of it: file events and the time in, facts out.
// Synchronous and without a clock, so that tests drive it through hours in microseconds; the source
// (results_source.h) is its driver.
//
// A file is checked when it has been still for `settle`. Whole: "ok" at once. Not whole: a verdict at once
// when a writer closed it, or the kernel vouches that there is no writer (an empty one after `empty_settle`:
// people touch, then write), else "in_progress" until it has not grown for `incomplete_after`. Writing to it
// again takes the verdict back to "in_progress".
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "daemon/results/results_records.h"
#include "daemon/results/results_summary.h"
#include "daemon/results/tree_watcher.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

struct ResultsTiming {
  Duration settle = std::chrono::milliseconds{500};
  Duration empty_settle = std::chrono::seconds{2};
  Duration incomplete_after = std::chrono::seconds{30};
  Duration step_settle =
      std::chrono::seconds{10};  ///< quiet before a directory is judged for what is missing
  Duration forget_root_after = std::chrono::minutes{10};  ///< an absent root's files are given up
  std::int64_t step_interval = 100;                       ///< training steps between extractions
};

struct Moment {
  Duration monotonic{};
  Time wall;
};

/// A subject that is no longer there.
struct Departed {
  Subject subject;
  Time time;
  std::string reason;
};
using Finding = std::variant<Observation, Departed>;

/// A file that was looked at, a directory that counts as written, or either that is gone: for those who look
/// inside files.
struct FileChange {
  std::string directory;  ///< absolute, raw bytes
  std::string name;       ///< of the file; "" = the directory itself
  std::string label;      ///< of the directory, for people: printable, relative to the root
  DirPlace place;         ///< of the directory
  FileKind kind = FileKind::other;
  Verdict verdict = Verdict::ok;
  std::uint64_t size = 0;
  Time modified;
  bool gone = false;
};

/// A step or a checkpoint that is there.
struct TreeEntry {
  std::string path;  ///< printable, absolute
  DirRole role = DirRole::step;
  std::int64_t step = -1;
};

/// What facts about a file or directory are about.
Subject results_subject(DirRole directory, const std::string& path);

class ResultsModel {
 public:
  /// `root` as TreeWatcher::root() has it. `files` must outlive the model.
  ResultsModel(std::string root, FileSystem& files, ResultsTiming timing = {});

  void apply(const FileEvent& event, Moment now);
  /// Looks at what is due, at most `max_checks` things; true when more is due now.
  bool advance(Moment now, std::size_t max_checks = 64);
  /// When to call advance() next, monotonic; kNoDeadline when nothing is waited for.
  Duration next_deadline() const;
  /// Takes up to `max` findings, oldest first.
  std::vector<Finding> take(std::size_t max);
  std::size_t pending() const { return findings_.size(); }
  /// Told at once, from apply() and advance().
  void on_change(std::function<void(const FileChange&)> listener) { listener_ = std::move(listener); }

  /// Subjects that were bad when redflag last stopped: those not found by the first listing depart.
  void expect(std::vector<Subject> subjects) { expected_ = std::move(subjects); }
  /// Subjects whose last told verdict is neither ok nor in progress.
  const std::set<Subject>& bad() const { return bad_; }

  bool listed() const { return listed_; }  ///< the tree was listed completely at least once
  std::size_t directories() const { return dirs_.size(); }
  std::size_t files() const { return file_count_; }
  Time last_event() const { return last_event_; }
  /// Files that cannot be checked because this user may not read them; sorted, at most kMaxShut are known.
  const std::set<std::string>& shut() const { return shut_; }
  static constexpr std::size_t kMaxShut = 10'000;
  ResultsSummary summary() const;
  std::vector<TreeEntry> entries() const;  ///< steps and checkpoints, by path
  /// The tree was listed, and everything that could be said of it by now has been taken.
  bool settled(Duration monotonic) const;
  /// Bytes of the largest checkpoint that was written to after `since`, files without a meaning left out; 0:
  /// none.
  std::uint64_t largest_checkpoint(Time since) const;

 private:
  void note_shut(const std::string& path, bool shut);
  using Due = std::tuple<Duration, std::string, std::string>;  ///< when, directory, file ("" = the directory)

  void add_directory(const std::string& path, Moment now);
  void remove_directories(const std::string& path, Moment now);
  DirTable::iterator erase_directory(DirTable::iterator it, const std::string& reason, Moment now);
  void reconcile(const FileEvent& event, Moment now);
  void note_file(const std::string& path, FileEvent::Kind kind, Moment now);
  void note_stat(const std::string& dir_path, DirRecord& dir, const std::string& name, const FileStat& stat,
                 Moment now);
  void remove_file(const std::string& dir_path, DirRecord& dir, const std::string& name, Moment now);
  void root_absent(Moment now);
  void scan_complete(Moment now);

  void check_due_file(const std::string& dir_path, DirRecord& dir, const std::string& name, Moment now);
  void check_due_directory(const std::string& path, DirRecord& dir, Moment now);
  void touch(const std::string& path, DirRecord& dir, Duration when, Moment now);
  void touch_series(const std::string& step_path, Moment now);
  void schedule(const std::string& dir, const std::string& name, Duration& slot, Duration at);

  void tell(const std::string& path, const DirRecord& dir, const std::string& name, Judgement& last,
            Judgement next, Moment now);
  void tell_gone(const std::string& path, const DirRecord& dir, const std::string& name, Judgement& last,
                 const std::string& reason, Moment now);
  void notify(const std::string& path, const std::string& name, const FileRecord* file, Verdict verdict,
              bool gone = false) const;
  Subject subject_of(const std::string& path, const DirRecord& dir, const std::string& name) const;
  std::string relative(const std::string& path) const;

  std::string root_;
  FileSystem& files_;
  ResultsTiming timing_;
  DirTable dirs_;
  std::set<Due> due_;
  std::function<void(const FileChange&)> listener_;
  std::deque<Finding> findings_;
  std::set<Subject> bad_;
  std::vector<Subject> expected_;
  std::size_t file_count_ = 0;
  bool listed_ = false;
  bool present_ = false;
  std::optional<Duration> absent_since_;
  Time last_event_;
  std::set<std::string> shut_;  // paths
};

}  // namespace redflag::daemon
