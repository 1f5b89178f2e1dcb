// What there is to see of the lifecycle, and what a person may do to an alert.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "alerts/lifecycle.h"
#include "alerts/text/clean.h"

namespace redflag::alerts {

std::vector<const Alert*> Lifecycle::active() const {
  std::vector<const Alert*> found;
  for (const auto& [id, alert] : active_) {
    if (alert.last.to == AlertState::firing) found.push_back(&alert);
  }
  std::sort(found.begin(), found.end(), [](const Alert* a, const Alert* b) {
    if (a->last.severity != b->last.severity) return a->last.severity > b->last.severity;
    return std::pair(a->fired_at, a->last.id) < std::pair(b->fired_at, b->last.id);
  });
  return found;
}

std::vector<const Alert*> Lifecycle::pending() const {
  std::vector<const Alert*> found;
  for (const auto& [id, alert] : active_) {
    if (alert.last.to == AlertState::pending) found.push_back(&alert);
  }
  std::sort(found.begin(), found.end(), [](const Alert* a, const Alert* b) {
    if (a->last.severity != b->last.severity) return a->last.severity > b->last.severity;
    return std::pair(a->last.since, a->last.id) < std::pair(b->last.since, b->last.id);
  });
  return found;
}

std::vector<const Alert*> Lifecycle::recent() const {
  std::vector<const Alert*> found;
  found.reserve(ended_.size());
  for (const auto& [id, alert] : ended_) found.push_back(&alert);
  std::sort(found.begin(), found.end(), [](const Alert* a, const Alert* b) {
    if (a->worst != b->worst) return a->worst > b->worst;
    return std::pair(b->ended_at, b->last.id) < std::pair(a->ended_at, a->last.id);
  });
  return found;
}

const Alert* Lifecycle::find(const std::string& id) const {
  if (const auto found = active_.find(id); found != active_.end()) return &found->second;
  const auto found = ended_.find(id);
  return found == ended_.end() ? nullptr : &found->second;
}

Result<const Alert*> Lifecycle::look_up(const std::string& id) const {
  if (const Alert* exact = find(id)) return exact;
  const Alert* found = nullptr;
  for (const auto* alerts : {&active_, &ended_}) {
    for (const auto& [known, alert] : *alerts) {
      if (id.empty() || !known.starts_with(id)) continue;
      if (found != nullptr) {
        return fail(ErrorCode::invalid_input, "looking for the alert",
                    fmt::format("several alerts begin with \"{}\"", clean(id, 80)), "give more of the id");
      }
      found = &alert;
    }
  }
  if (found != nullptr) return found;
  return fail(ErrorCode::not_found, "looking for the alert",
              fmt::format("there is no alert \"{}\" that fires or ended lately", clean(id, 80)),
              "redflag alerts lists them");
}

bool Lifecycle::flapping(const Alert& alert) const {
  return flaps_.flapping(what_of(alert.last));
}

void Lifecycle::put_silence(Silence silence) {
  mutes_.put(std::move(silence));
  reviewed_ = {};
}

Result<Alert> Lifecycle::acknowledge(const std::string& id, Acknowledgement acknowledgement) {
  const Result<const Alert*> found = look_up(id);
  if (!found) return tl::unexpected<Error>(found.error());
  const auto active = active_.find((*found)->last.id);
  if (active == active_.end() || active->second.last.to != AlertState::firing) {
    return fail(ErrorCode::conflict, "acknowledging the alert",
                fmt::format("alert {} does not fire{}", (*found)->last.id,
                            active == active_.end() ? " any more" : " yet"));
  }
  acknowledgement.severity = active->second.last.severity;
  active->second.acknowledged = std::move(acknowledgement);
  return active->second;
}

Result<Alert> Lifecycle::unacknowledge(const std::string& id) {
  const Result<const Alert*> found = look_up(id);
  if (!found) return tl::unexpected<Error>(found.error());
  const auto active = active_.find((*found)->last.id);
  if (active == active_.end() || active->second.acknowledged.at == Time{}) {
    return fail(ErrorCode::conflict, "taking back the acknowledgement",
                fmt::format("alert {} is not acknowledged", (*found)->last.id));
  }
  active->second.acknowledged = {};
  return active->second;
}

}  // namespace redflag::alerts
