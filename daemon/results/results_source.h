// The source of everything known from one results directory: a watcher and a model, driven on the event loop.
// What it learns goes to the intake as facts about files, step directories, series and checkpoints, and about
// itself.
//
// Facts of a file or directory (subject representation or checkpoint, key = its absolute path, source
// "results"):
//   verdict    ok empty tiny truncated damaged missing lfs_pointer in_progress
//   detail     for people; empty when ok
//   what       layer tensor metadata weights shard_index config tokenizer optimizer scheduler rng
//   training_args trainer_state;
//              of directories: step series checkpoint
//   size_bytes, name (relative to the root), dir, and where they apply task, method, step
//   checkpoint: lacking (files wanted for resuming or loading, comma-separated, "" = none)
//   series: steps, missing_steps, last_step (numbers), regular, has_base (true/false)
// Facts of the source (subject source "results:ROOT"): kind="results", reachable, present (true/false),
// watching
//   ("inotify", "polling", "absent"), directories, files, bad, degraded (text, "" = all is well), last_event
//   (RFC 3339).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/monitor/intake.h"
#include "daemon/results/results_model.h"
#include "daemon/results/tree_watcher.h"

namespace redflag::daemon {

struct ResultsSettings {
  std::string root;  ///< one source for each root
  ResultsTiming timing;
  WatcherSettings watcher;
  Duration health_every = std::chrono::minutes{1};  ///< how often changed counts are told
  Duration coalesce =
      std::chrono::milliseconds{10};  ///< events are gathered for this long before they are read
  std::function<void(const FileChange&)> on_change;  ///< for those who look inside the files; may be empty
};

class ResultsSource {
 public:
  /// The references must outlive the source.
  ResultsSource(asio::any_io_executor executor, Clock& clock, Intake& intake, FileSystem& files,
                InotifyApi& inotify, ResultsSettings settings);
  ~ResultsSource();
  ResultsSource(const ResultsSource&) = delete;
  ResultsSource& operator=(const ResultsSource&) = delete;

  /// Runs until cancelled (then throws operation_aborted, as the clock does). What the intake refuses is kept
  /// and offered again with back-off; meanwhile nothing new is read.
  asio::awaitable<void> run();

  /// For status; call on the loop's thread.
  ResultsSummary summary() const;
  WatchHealth health() const;
  /// See ResultsModel::largest_checkpoint.
  std::uint64_t largest_checkpoint(Time since) const { return model_.largest_checkpoint(since); }
  /// The tree was listed completely at least once.
  bool listed() const;
  /// ... and everything that could be said of it by now has been told.
  bool settled() const { return model_.settled(clock_.monotonic()); }
  /// Steps and checkpoints that are there, by path.
  std::vector<TreeEntry> entries() const { return model_.entries(); }
  /// As facts about the source have it, without "results:".
  std::string printable_root() const { return name_.substr(name_.find(':') + 1); }
  Subject subject() const { return {SubjectKind::source, name_}; }
  const std::string& root() const;

 private:
  asio::awaitable<void> flush(Moment now);
  void restore();
  void add_cursor(SourceBatch& batch);
  bool add_health(SourceBatch& batch, Moment now);
  Moment moment() const { return {clock_.monotonic(), clock_.now()}; }

  asio::any_io_executor executor_;
  Clock& clock_;
  Intake& intake_;
  InotifyApi& inotify_;
  ResultsSettings settings_;
  TreeWatcher watcher_;
  ResultsModel model_;
  std::string name_;  ///< "results:ROOT"
  std::set<Subject> kept_bad_;
  WatchHealth told_health_;
  bool told_ = false;
  Duration told_at_{};
  std::size_t told_counts_ = 0;
};

}  // namespace redflag::daemon
