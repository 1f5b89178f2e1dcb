#include "alerts/lifecycle.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace redflag::alerts {
namespace {

std::string what_of(const Transition& transition) {
  std::string what = transition.rule;
  what += '\0';
  what += transition.run;
  what += '\0';
  what += to_string(transition.subject.kind);
  what += '\0';
  what += transition.subject.key;
  return what;
}

/// Time{} means "not yet" in a record, so an unknown time is replaced by the best one there is.
Time known_time(const Transition& transition) {
  if (transition.time != Time{}) return transition.time;
  return transition.since != Time{} ? transition.since : Time{Duration{1}};
}

void update(Alert& alert, const Transition& transition, const RunContext& run) {
  alert.last = transition;
  if (!run.name.empty()) alert.run_name = run.name;
}

Notification notification(NotificationKind kind, Severity severity, const Transition& transition,
                          const RunContext& run) {
  Notification made;
  made.kind = kind;
  made.severity = severity;
  made.time = transition.time;
  made.transitions.push_back(transition);
  made.run = run;
  return made;
}

bool fired(const Alert& alert) {
  return alert.fired_at != Time{};
}

bool ended(const Alert& alert) {
  return alert.last.to != AlertState::pending && alert.last.to != AlertState::firing;
}

}  // namespace

void Lifecycle::restore(std::vector<Alert> kept) {
  std::stable_sort(kept.begin(), kept.end(),
                   [](const Alert& a, const Alert& b) { return a.ended_at < b.ended_at; });
  for (Alert& alert : kept) {
    if (alert.quiet && fired(alert)) digest_.add(alert);
    if (ended(alert)) {
      if (fired(alert)) put_ended(std::move(alert));
      continue;
    }
    if (alert.last.to == AlertState::firing) by_what_[what_of(alert.last)] = alert.last.id;
    active_.insert_or_assign(alert.last.id, std::move(alert));
  }
}

void Lifecycle::apply(const Transition& transition, const RunContext& run, LifecycleOutput& out) {
  switch (transition.to) {
    case AlertState::pending:
      return on_pending(transition, run, out);
    case AlertState::firing:
      return on_firing(transition, run, out);
    case AlertState::inactive:
    case AlertState::resolved:
    case AlertState::closed:
      return on_end(transition, run, out);
  }
}

void Lifecycle::on_pending(const Transition& transition, const RunContext& run, LifecycleOutput& out) {
  if (ended_.contains(transition.id)) return;  // processed again
  Alert& alert = active_[transition.id];
  if (fired(alert)) return;  // processed again
  update(alert, transition, run);
  alert.worst = transition.severity;
  out.alerts.push_back(alert);
}

void Lifecycle::on_firing(const Transition& transition, const RunContext& run, LifecycleOutput& out) {
  if (const auto old = ended_.find(transition.id); old != ended_.end()) {
    if (transition.time <= old->second.ended_at) return;  // processed again
    // The same episode goes on. It has been announced, so only the record says so.
    Alert again = std::move(old->second);
    ended_.erase(old);
    std::erase(ended_order_, transition.id);
    again.ended_at = Time{};
    by_what_[what_of(transition)] = transition.id;
    active_.insert_or_assign(transition.id, std::move(again));
  }
  Alert& alert = active_[transition.id];
  if (!fired(alert)) {
    update(alert, transition, run);
    alert.fired_at = known_time(transition);
    alert.worst = transition.severity;
    if (!take_over(alert, out)) {
      alert.quiet = true;  // until somebody is told
      tell_or_gather(alert, run, out);
      out.alerts.push_back(alert);
      return;
    }
    // It stands in for an alert that was known already: `worst` and `quiet` are that one's.
  } else if (std::string what = what_of(transition); what != what_of(alert.last)) {
    by_what_.erase(what_of(alert.last));  // its run was merged with another and has a new key
    by_what_[std::move(what)] = transition.id;
  }
  const Severity before = alert.worst;
  update(alert, transition, run);
  alert.worst = std::max(alert.worst, transition.severity);
  if (alert.quiet) {
    tell_or_gather(alert, run, out);
  } else if (alert.worst > before) {
    out.notifications.push_back(notification(NotificationKind::escalated, alert.worst, transition, run));
    auto& from = out.notifications.back().transitions.front().escalated_from;
    if (!from || *from > before) from = before;
  }
  out.alerts.push_back(alert);
}

/// A firing alert that nobody has been told of: now they are, unless its run is historic.
void Lifecycle::tell_or_gather(Alert& alert, const RunContext& run, LifecycleOutput& out) {
  if (run.historic) {
    digest_.add(alert);
    return;
  }
  alert.quiet = false;
  out.notifications.push_back(notification(NotificationKind::fired, alert.last.severity, alert.last, run));
}

/// Rule, run and subject are firing under another id, whose end was never seen: the new alert goes on in its
/// place, and is not announced as if it were new. False when there is no such alert.
bool Lifecycle::take_over(Alert& alert, LifecycleOutput& out) {
  std::string& holder = by_what_[what_of(alert.last)];
  const std::string old_id = std::exchange(holder, alert.last.id);
  if (old_id == alert.last.id) return false;
  const auto old = active_.find(old_id);
  if (old == active_.end()) return false;
  alert.worst = old->second.worst;
  alert.quiet = old->second.quiet;
  Alert done = std::move(old->second);
  active_.erase(old);
  done.last.from = done.last.to;
  done.last.to = AlertState::closed;
  done.last.time = alert.last.time;
  done.last.reason = "went on as alert " + alert.last.id;
  done.ended_at = known_time(alert.last);
  out.alerts.push_back(done);
  put_ended(std::move(done));
  return true;
}

void Lifecycle::on_end(const Transition& transition, const RunContext& run, LifecycleOutput& out) {
  if (ended_.contains(transition.id)) return;  // processed again
  Alert alert;
  if (const auto found = active_.find(transition.id); found != active_.end()) {
    alert = std::move(found->second);
    active_.erase(found);
    const auto holder = by_what_.find(what_of(alert.last));
    if (holder != by_what_.end() && holder->second == transition.id) by_what_.erase(holder);
  } else {
    alert.worst = transition.severity;
    alert.quiet = true;  // not announced by us, so its end is not either
    if (transition.from == AlertState::firing) {
      alert.fired_at = transition.since != Time{} ? transition.since : known_time(transition);
    }
  }
  const bool announced = fired(alert) && !alert.quiet;
  update(alert, transition, run);
  alert.ended_at = known_time(transition);
  if (announced && transition.to == AlertState::resolved) {
    out.notifications.push_back(notification(NotificationKind::resolved, alert.worst, transition, run));
  }
  out.alerts.push_back(alert);
  if (fired(alert)) put_ended(std::move(alert));
}

void Lifecycle::put_ended(Alert alert) {
  std::string id = alert.last.id;
  if (ended_.insert_or_assign(id, std::move(alert)).second) ended_order_.push_back(std::move(id));
  while (ended_order_.size() > keep_ended_) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
}

Notification Lifecycle::digest(const std::string& project, const std::string& run_key_prefix,
                               std::size_t ended_runs, Time now) {
  return digest_.make(project, run_key_prefix, ended_runs, now);
}

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

}  // namespace redflag::alerts
