#include "daemon/inspection/recheck_schedule.h"

#include <algorithm>
#include <utility>

namespace redflag::daemon {

bool RecheckSchedule::add(InspectionJob job, Duration now) {
  const auto found = waiting_.find(job.path);
  if (found == waiting_.end() && waiting_.size() >= bound_) return false;
  Entry& entry = found == waiting_.end() ? waiting_[job.path] : found->second;
  entry.pause = entry.pause == Duration::zero() ? first_ : std::min(entry.pause * 2, longest_);
  entry.due = now + entry.pause;
  entry.job = std::move(job);
  return true;
}

void RecheckSchedule::asked(const std::string& path) {
  if (const auto found = waiting_.find(path); found != waiting_.end()) found->second.due.reset();
}

std::vector<InspectionJob> RecheckSchedule::take_due(Duration now) {
  std::vector<InspectionJob> due;
  for (auto& [path, entry] : waiting_) {
    if (!entry.due || *entry.due > now) continue;
    due.push_back(entry.job);
    entry.due.reset();
  }
  return due;
}

std::optional<Duration> RecheckSchedule::next_due() const {
  std::optional<Duration> next;
  for (const auto& [path, entry] : waiting_) {
    if (entry.due && (!next || *entry.due < *next)) next = entry.due;
  }
  return next;
}

}  // namespace redflag::daemon
