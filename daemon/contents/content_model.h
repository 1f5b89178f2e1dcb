// What is known of the contents of a results tree: files come and go, reports on them come in, facts come
// out. Synchronous and without a clock; its driver is ContentSource.
//
// A directory is judged when every file of it that is to be inspected has been. Before the results source has
// said that the directory is written, only what no further file can change is told (NaN, zeros, hostile
// pickles), and afterwards everything.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"
#include "daemon/inspection/inspection_queue.h"
#include "daemon/results/results_model.h"

namespace redflag::daemon {

/// Something that redflag-forward may look at.
struct ForwardTask {
  enum class Kind : std::uint8_t { logits, drift };
  Kind kind = Kind::logits;
  std::string path;        ///< checkpoint, or step directory
  std::string base;        ///< drift: the base model's step; "" = none
  std::string previous;    ///< drift: the step before; "" = none
  std::uint64_t hash = 0;  ///< of the weights or layers: the same contents need no second look
};

class ContentModel {
 public:
  /// The file is to be inspected; nullopt: it is none that is, or it is gone (then forget() it).
  std::optional<InspectionJob> apply(const FileChange& change, Time now);
  void report(const std::string& path, const tensors::FileReport& report, Time now);
  /// What redflag-forward said of a task: findings and figures about its directory.
  void forward(const ForwardTask& task, const std::vector<tensors::Finding>& findings, Attributes figures,
               Time now);

  std::vector<Observation> take(std::size_t max);
  std::size_t pending() const { return facts_.size(); }
  /// Directories that were judged and are sound, newest first; each once for the same contents.
  std::optional<ForwardTask> take_forward();
  /// Files that wait for a report: to ask again for what a full queue dropped.
  std::vector<InspectionJob> unreported() const;
  /// Forward passes that were asked for and not taken yet.
  std::size_t forward_waiting() const { return forward_.size(); }

 private:
  struct File {
    InspectionJob job;
    std::optional<tensors::FileReport> report;
    bool told_bad = false;
  };
  struct Directory {
    DirPlace place;
    std::string label;
    bool written = false;
    std::map<std::string, File> files;
    std::set<std::string> others;  ///< names that are not inspected
    Attributes told;
    std::vector<tensors::Finding> forward;  ///< of its last forward task
    std::uint64_t forward_hash = 0;         ///< that was asked for
  };

  bool complete(const Directory& directory) const;
  checks::DirectoryInput input_of(const std::string& path, const Directory& directory) const;
  void judge(const std::string& path, Time now);
  void judge_series(const std::string& path, Time now);
  void judge_run(const std::string& parent, Time now);
  void ask_forward(const std::string& path, Directory& directory,
                   const std::vector<tensors::Finding>& findings);
  void tell(const std::string& path, Directory& directory, const Attributes& attributes, Time now);
  Observation facts_of(const std::string& path, const Directory& directory, const std::string& file,
                       Time now) const;

  std::map<std::string, Directory> directories_;
  std::deque<Observation> facts_;
  std::deque<ForwardTask> forward_;
};

}  // namespace redflag::daemon
