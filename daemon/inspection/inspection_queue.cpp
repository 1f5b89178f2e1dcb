#include "daemon/inspection/inspection_queue.h"

#include <limits>
#include <utility>

namespace redflag::daemon {
namespace {

constexpr int kUrgent = 0;
constexpr int kOlder = 3;
constexpr std::size_t kMostGroups = 10'000;

int rank(InspectionKind kind, bool newest) {
  switch (kind) {
    case InspectionKind::checkpoint:
      return newest ? kUrgent : kOlder;
    case InspectionKind::final_model:
      return 1;
    case InspectionKind::representation:
      return newest ? 2 : kOlder;
    case InspectionKind::other:
      break;
  }
  return kOlder;
}

}  // namespace

InspectionQueue::Place InspectionQueue::place_of(const InspectionJob& job) const {
  const auto group = groups_.find({job.kind, job.group});
  const bool newest = group == groups_.end() || job.newness >= group->second.newest;
  const std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  return {rank(job.kind, newest), job.newness == lowest ? -(lowest + 1) : -job.newness, job.path};
}

void InspectionQueue::request(InspectionJob job) {
  if (const auto busy = inspecting_.find(job.path); busy != inspecting_.end()) {
    busy->second.gone = false;
    if (job.identity == busy->second.identity) {
      busy->second.again.reset();
    } else {
      busy->second.again = std::move(job);
    }
    return;
  }
  insert(std::move(job));
}

void InspectionQueue::insert(InspectionJob job) {
  remove(job.path);
  limit_groups();
  const auto [group, fresh] = groups_.try_emplace({job.kind, job.group});
  if (fresh || job.newness > group->second.newest) {
    group->second.newest = job.newness;
    rank_again(group->second);
  }
  group->second.paths.insert(job.path);
  Place place = place_of(job);
  places_.insert_or_assign(job.path, place);
  jobs_.emplace(std::move(place), std::move(job));
  make_room();
}

/// A newer checkpoint has come: those queued of the one before are no longer urgent.
void InspectionQueue::rank_again(const Group& group) {
  for (const std::string& path : group.paths) {
    Place& place = places_.at(path);
    auto node = jobs_.extract(place);
    place = place_of(node.mapped());
    node.key() = place;
    jobs_.insert(std::move(node));
  }
}

void InspectionQueue::make_room() {
  while (jobs_.size() > bound_) {
    remove(std::string(jobs_.rbegin()->second.path));
    ++dropped_;
    ++dropped_since_rescan_;
  }
}

/// Groups outlive their jobs, so that an older checkpoint does not become the newest one by being the last
/// left to do.
void InspectionQueue::limit_groups() {
  if (groups_.size() < kMostGroups) return;
  std::erase_if(groups_, [](const auto& group) { return group.second.paths.empty(); });
}

bool InspectionQueue::remove(const std::string& path) {
  const auto place = places_.find(path);
  if (place == places_.end()) return false;
  const auto job = jobs_.find(place->second);
  if (const auto group = groups_.find({job->second.kind, job->second.group}); group != groups_.end())
    group->second.paths.erase(path);
  jobs_.erase(job);
  places_.erase(place);
  return true;
}

void InspectionQueue::forget(const std::string& path) {
  remove(path);
  if (const auto busy = inspecting_.find(path); busy != inspecting_.end()) {
    busy->second.gone = true;
    busy->second.again.reset();
  }
}

const InspectionJob* InspectionQueue::next() const {
  return jobs_.empty() ? nullptr : &jobs_.begin()->second;
}

bool InspectionQueue::next_is_urgent() const {
  return !jobs_.empty() && std::get<0>(jobs_.begin()->first) == kUrgent;
}

std::optional<InspectionJob> InspectionQueue::take() {
  if (jobs_.empty()) return std::nullopt;
  InspectionJob job = jobs_.begin()->second;
  remove(job.path);
  inspecting_[job.path] = {job.identity, false, std::nullopt};
  return job;
}

void InspectionQueue::began(const std::string& path, const FileIdentity& identity) {
  if (const auto busy = inspecting_.find(path); busy != inspecting_.end()) busy->second.identity = identity;
}

InspectionQueue::Outcome InspectionQueue::finish(const std::string& path) {
  const auto busy = inspecting_.find(path);
  if (busy == inspecting_.end()) return Outcome::gone;
  Inspecting state = std::move(busy->second);
  inspecting_.erase(busy);
  if (state.gone) return Outcome::gone;
  if (!state.again) return Outcome::stands;
  insert(std::move(*state.again));
  return Outcome::changed;
}

void InspectionQueue::put_back(InspectionJob job) {
  if (finish(job.path) == Outcome::stands) insert(std::move(job));
}

std::uint64_t InspectionQueue::begin_rescan() {
  return std::exchange(dropped_since_rescan_, 0);
}

}  // namespace redflag::daemon
