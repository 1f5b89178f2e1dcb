// When files that somebody was still writing are looked at again: after 30 s, then twice as long each time,
// up to ten minutes. Pure: the time comes in with the calls.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/inspection/inspection_queue.h"
#include "rules/values/time.h"

namespace redflag::daemon {

class RecheckSchedule {
 public:
  explicit RecheckSchedule(Duration first = std::chrono::seconds{30},
                           Duration longest = std::chrono::minutes{10}, std::size_t bound = 10'000)
      : first_(first), longest_(longest), bound_(bound) {}

  /// It was still being written. false: too many wait already, a rescan has to find it.
  bool add(InspectionJob job, Duration now);
  /// It is asked for anyway; the next pause goes on from where this one was.
  void asked(const std::string& path);
  /// It is whole, or gone: the next pause will be the first again.
  void done(const std::string& path) { waiting_.erase(path); }

  /// Those whose time has come.
  std::vector<InspectionJob> take_due(Duration now);
  std::optional<Duration> next_due() const;
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Entry {
    Duration pause{};
    std::optional<Duration> due;  ///< none while it is asked for
    InspectionJob job;
  };
  Duration first_;
  Duration longest_;
  std::size_t bound_;
  std::map<std::string, Entry> waiting_;
};

}  // namespace redflag::daemon
