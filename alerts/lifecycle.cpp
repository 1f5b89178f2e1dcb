#include "alerts/lifecycle.h"

#include <algorithm>
#include <utility>

namespace redflag::alerts {
namespace {

/// Time{} means "not yet" in a record, so an unknown time is replaced by the best one there is: of rows that
/// a log gives without a time, when they were judged.
Time known_time(const Transition& transition, Time now) {
  if (transition.time != Time{}) return transition.time;
  if (transition.since != Time{}) return transition.since;
  return now != Time{} ? now : Time{Duration{1}};
}

void update(Alert& alert, const Transition& transition, const RunContext& run) {
  alert.last = transition;
  if (!run.name.empty()) alert.run_name = run.name;
}

bool fired(const Alert& alert) {
  return alert.fired_at != Time{};
}

bool ended(const Alert& alert) {
  return alert.last.to != AlertState::pending && alert.last.to != AlertState::firing;
}

}  // namespace

Lifecycle::Lifecycle(LifecycleOptions options) : options_(std::move(options)), flaps_(options_.flapping) {
  mutes_.set_inhibitions(options_.inhibitions);
}

void Lifecycle::restore(std::vector<Alert> kept, std::vector<Silence> silences) {
  for (Silence& silence : silences) mutes_.put(std::move(silence));
  std::stable_sort(kept.begin(), kept.end(),
                   [](const Alert& a, const Alert& b) { return a.ended_at < b.ended_at; });
  restore_flapping(kept);
  for (Alert& alert : kept) {
    if (alert.quiet && fired(alert) && alert.muted_by.empty()) digest_.add(alert);
    if (fired(alert) && !alert.quiet && alert.told_first == Time{}) {  // kept by an older version
      alert.told_first = alert.told_at = alert.fired_at;
      alert.told_severity = alert.worst;
    }
    if (ended(alert)) {
      if (fired(alert)) put_ended(std::move(alert));
      continue;
    }
    if (alert.last.to == AlertState::firing) {
      by_what_[what_of(alert.last)] = alert.last.id;
      note_inhibitor(alert, options_.context_of(alert.last.run));
    }
    active_.insert_or_assign(alert.last.id, std::move(alert));
  }
}

/// From the records: how often each fired lately, and what is owed of those that ended untold.
void Lifecycle::restore_flapping(const std::vector<Alert>& kept) {
  std::vector<const Alert*> order;
  for (const Alert& alert : kept) {
    if (fired(alert)) order.push_back(&alert);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Alert* a, const Alert* b) { return a->fired_at < b->fired_at; });
  for (const Alert* alert : order) {
    const std::string what = what_of(alert->last);
    flaps_.fired(what, alert->fired_at, alert->fired_at);
    flaps_.settle(what);
    if (!alert->quiet) flaps_.told(what, true);
    if (!ended(*alert)) continue;
    flaps_.ended(what, alert->ended_at);
    if (alert->muted_by != kFlapping) {
      if (!alert->quiet) flaps_.told(what, false);
    } else if (alert->last.to == AlertState::resolved && flaps_.told_firing(what)) {
      flaps_.owe(what, {alert->last, alert->worst, options_.context_of(alert->last.run), 0});
    }
  }
}

void Lifecycle::apply(const Transition& transition, const RunContext& run, Time now, LifecycleOutput& out) {
  switch (transition.to) {
    case AlertState::pending:
      return on_pending(transition, run, out);
    case AlertState::firing:
      return on_firing(transition, run, now, out);
    case AlertState::inactive:
    case AlertState::resolved:
    case AlertState::closed:
      return on_end(transition, run, now, out);
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

void Lifecycle::on_firing(const Transition& transition, const RunContext& run, Time now,
                          LifecycleOutput& out) {
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
    alert.fired_at = known_time(transition, now);
    alert.worst = transition.severity;
    note_inhibitor(alert, run);
    if (!take_over(alert, now, out)) {
      alert.quiet = true;  // until somebody is told
      const std::string what = what_of(transition);
      const bool flaps_now = flaps_.fired(what, alert.fired_at, now);
      flaps_.settle(what);
      tell_or_mute(alert, run, now, flaps_now, out);
      out.alerts.push_back(alert);
      return;
    }
    // It stands in for an alert that was known already: what was told of that one holds for it.
  } else if (std::string what = what_of(transition); what != what_of(alert.last)) {
    by_what_.erase(what_of(alert.last));  // its run was merged with another and has a new key
    by_what_[std::move(what)] = transition.id;
  }
  update(alert, transition, run);
  note_inhibitor(alert, run);
  alert.worst = std::max(alert.worst, transition.severity);
  if (alert.quiet) {
    tell_or_mute(alert, run, now, false, out);
  } else if (alert.worst > alert.told_severity) {
    alert.muted_by = mute_reason(alert, run, now);
    if (alert.muted_by.empty()) say_escalated(alert, run, now, out);
  }
  out.alerts.push_back(alert);
}

/// A firing alert that nobody has been told of: now they are, unless its run is historic or it is muted.
void Lifecycle::tell_or_mute(Alert& alert, const RunContext& run, Time now, bool flaps_now,
                             LifecycleOutput& out) {
  if (run.historic) {
    digest_.add(alert);
    return;
  }
  const std::string what = what_of(alert.last);
  alert.muted_by = mute_reason(alert, run, now);
  if (alert.muted_by == kFlapping && flaps_now) alert.muted_by.clear();
  if (!alert.muted_by.empty()) return;
  std::string remark;
  if (flaps_now) {
    remark = "It comes and goes (fired " + flaps_.words(what) +
             "): further changes are told once it has been steady for " +
             human_duration(options_.flapping.calm) + ".";
  }
  alert.quiet = false;
  say(NotificationKind::fired, alert, run, now, std::move(remark), out);
}

/// Rule, run and subject are firing under another id, whose end was never seen: the new alert goes on in its
/// place, and is not announced as if it were new. False when there is no such alert.
bool Lifecycle::take_over(Alert& alert, Time now, LifecycleOutput& out) {
  std::string& holder = by_what_[what_of(alert.last)];
  const std::string old_id = std::exchange(holder, alert.last.id);
  if (old_id == alert.last.id) return false;
  const auto old = active_.find(old_id);
  if (old == active_.end()) return false;
  alert.worst = old->second.worst;
  alert.quiet = old->second.quiet;
  alert.acknowledged = old->second.acknowledged;
  alert.muted_by = old->second.muted_by;
  alert.told_first = old->second.told_first;
  alert.told_at = old->second.told_at;
  alert.told_severity = old->second.told_severity;
  alert.told_age = old->second.told_age;
  Alert done = std::move(old->second);
  active_.erase(old);
  forget_inhibitor(old_id);
  done.last.from = done.last.to;
  done.last.to = AlertState::closed;
  done.last.time = alert.last.time;
  done.last.reason = "went on as alert " + alert.last.id;
  done.ended_at = known_time(alert.last, now);
  out.alerts.push_back(done);
  put_ended(std::move(done));
  return true;
}

void Lifecycle::on_end(const Transition& transition, const RunContext& run, Time now, LifecycleOutput& out) {
  if (ended_.contains(transition.id)) return;  // processed again
  Alert alert;
  const std::string what = what_of(transition);
  if (const auto found = active_.find(transition.id); found != active_.end()) {
    alert = std::move(found->second);
    active_.erase(found);
    forget_inhibitor(transition.id);
    const auto holder = by_what_.find(what_of(alert.last));
    if (holder != by_what_.end() && holder->second == transition.id) by_what_.erase(holder);
  } else {
    alert.worst = transition.severity;
    alert.quiet = true;  // not announced by us, so its end is not either
    if (transition.from == AlertState::firing) {
      alert.fired_at = transition.since != Time{} ? transition.since : known_time(transition, now);
    }
  }
  update(alert, transition, run);
  alert.ended_at = known_time(transition, now);
  if (fired(alert)) flaps_.ended(what, now);
  const bool announced = fired(alert) && !alert.quiet;
  alert.muted_by.clear();
  if (transition.to == AlertState::resolved && fired(alert)) {
    if (flaps_.flapping(what)) {
      alert.muted_by = kFlapping;
      if (flaps_.told_firing(what)) flaps_.owe(what, {transition, alert.worst, run, 0});
    } else if (announced) {
      // Whoever asked not to hear of it does not hear of its end; one that another alert spoke for, they do.
      alert.muted_by = mutes_.silenced(transition, run, now);
      if (alert.muted_by.empty()) say(NotificationKind::resolved, alert, run, now, {}, out);
    }
  } else if (announced) {
    flaps_.told(what, false);
  }
  out.alerts.push_back(alert);
  if (fired(alert)) put_ended(std::move(alert));
}

void Lifecycle::put_ended(Alert alert) {
  std::string id = alert.last.id;
  if (ended_.insert_or_assign(id, std::move(alert)).second) ended_order_.push_back(std::move(id));
  while (ended_order_.size() > options_.keep_ended) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
}

Notification Lifecycle::digest(const std::string& project, const std::string& run_key_prefix,
                               std::size_t ended_runs, Time now) {
  return digest_.make(project, run_key_prefix, ended_runs, now);
}

}  // namespace redflag::alerts
