// Which file is inspected next. Pure: no clock, no files; one thread.
//
// What matters most comes first: the newest checkpoint of each run, then final models, then the newest
// representations of each series, then all that is older, newer before older. A path has one job: a newer
// request replaces the one before. The queue is bounded; what does not fit is forgotten and counted, and a
// rescan of the tree offers it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/inspection/file_identity.h"

namespace redflag::daemon {

enum class InspectionKind : std::uint8_t { checkpoint, final_model, representation, other };

struct InspectionJob {
  std::string path;  ///< absolute
  InspectionKind kind = InspectionKind::other;
  /// What its checkpoints or steps are counted in: the directory that holds them. Of each kind and group
  /// only the newest comes early.
  std::string group;
  /// When the checkpoint or step was written, in any unit that grows; the same for all its files.
  std::int64_t newness = 0;
  FileIdentity identity;  ///< when it was asked for
};

class InspectionQueue {
 public:
  explicit InspectionQueue(std::size_t bound = 10'000) : bound_(bound) {}

  /// Adds or replaces. Of a file that is being inspected: if it has changed it is queued again when that is
  /// done.
  void request(InspectionJob job);
  /// The file is gone. An answer about it that is still to come is of no interest.
  void forget(const std::string& path);

  /// The job that take() would give; nullptr when there is none.
  const InspectionJob* next() const;
  bool next_is_urgent() const;  ///< part of a newest checkpoint
  /// Takes the most important job out; it counts as being inspected until finish() or put_back().
  std::optional<InspectionJob> take();
  /// The file as it was found when the inspection of a taken job began: requests that say the same ask for
  /// nothing new.
  void began(const std::string& path, const FileIdentity& identity);

  enum class Outcome : std::uint8_t {
    stands,   ///< the answer is about the file as it was last asked for
    changed,  ///< it has changed meanwhile, and was queued again
    gone,     ///< it was forgotten meanwhile
  };
  Outcome finish(const std::string& path);
  /// Not inspected after all: queued again unless a newer request or forget() came meanwhile.
  void put_back(InspectionJob job);

  /// Is there room to offer more? A source asks before it offers what can wait (a listing of a whole tree).
  bool wants_more() const { return jobs_.size() < bound_; }
  /// Something did not fit and there is room again (half of the bound): rescan.
  bool wants_rescan() const { return dropped_since_rescan_ > 0 && jobs_.size() <= bound_ / 2; }
  /// A rescan begins; how many jobs had been dropped since the last one.
  std::uint64_t begin_rescan();

  std::size_t size() const { return jobs_.size(); }
  bool empty() const { return jobs_.empty(); }
  std::uint64_t dropped() const { return dropped_; }  ///< ever

 private:
  /// rank, then newer first, then the path: a total order, so that the same requests always give the same
  /// sequence.
  using Place = std::tuple<int, std::int64_t, std::string>;
  struct Group {
    std::int64_t newest = 0;
    std::set<std::string> paths;  ///< queued
  };

  Place place_of(const InspectionJob& job) const;
  void insert(InspectionJob job);
  bool remove(const std::string& path);
  void rank_again(const Group& group);
  void make_room();
  void limit_groups();

  std::size_t bound_;
  std::map<Place, InspectionJob> jobs_;
  std::unordered_map<std::string, Place> places_;
  using GroupName = std::pair<InspectionKind, std::string>;
  std::map<GroupName, Group> groups_;
  struct Inspecting {
    FileIdentity identity;
    bool gone = false;
    std::optional<InspectionJob> again;
  };
  std::unordered_map<std::string, Inspecting> inspecting_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_since_rescan_ = 0;
};

}  // namespace redflag::daemon
