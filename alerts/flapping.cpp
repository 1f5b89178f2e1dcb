#include "alerts/flapping.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rules/values/time.h"

namespace redflag::alerts {

bool FlapBook::fired(const std::string& what, Time at, Time now) {
  if (options_.count == 0 || options_.window == Duration{}) return false;
  Entry& entry = entries_[what];
  entry.last_change = now;
  entry.fires.push_back(at);
  while (entry.fires.size() > options_.count || entry.fires.front() + options_.window < at)
    entry.fires.erase(entry.fires.begin());
  if (entry.flapping) {
    ++entry.changes;
    return false;
  }
  entry.flapping = entry.fires.size() >= options_.count;
  return entry.flapping;
}

void FlapBook::ended(const std::string& what, Time now) {
  const auto found = entries_.find(what);
  if (found == entries_.end()) return;
  found->second.last_change = now;
  if (found->second.flapping) ++found->second.changes;
}

bool FlapBook::flapping(const std::string& what) const {
  const auto found = entries_.find(what);
  return found != entries_.end() && found->second.flapping;
}

std::string FlapBook::words(const std::string& what) const {
  const auto found = entries_.find(what);
  if (found == entries_.end() || found->second.fires.size() < 2) return {};
  const auto& fires = found->second.fires;
  return fmt::format("{} times in {}", fires.size(), human_duration(fires.back() - fires.front()));
}

void FlapBook::told(const std::string& what, bool firing) {
  if (const auto found = entries_.find(what); found != entries_.end()) found->second.told_firing = firing;
}

bool FlapBook::told_firing(const std::string& what) const {
  const auto found = entries_.find(what);
  return found != entries_.end() && found->second.told_firing;
}

void FlapBook::owe(const std::string& what, OwedEnd end) {
  entries_[what].owed = std::make_unique<OwedEnd>(std::move(end));
}

void FlapBook::settle(const std::string& what) {
  if (const auto found = entries_.find(what); found != entries_.end()) found->second.owed.reset();
}

std::vector<OwedEnd> FlapBook::calm_down(Time now) {
  std::vector<OwedEnd> owed;
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    entry.last_change = std::min(entry.last_change, now);  // the clock was set back
    if (entry.flapping && now - entry.last_change >= options_.calm) {
      if (entry.owed) {
        entry.owed->changes = entry.changes;
        owed.push_back(std::move(*entry.owed));
      }
      it = entries_.erase(it);
      continue;
    }
    it = !entry.flapping && now - entry.last_change > options_.window ? entries_.erase(it) : std::next(it);
  }
  return owed;
}

}  // namespace redflag::alerts
