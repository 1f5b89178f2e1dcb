// Who is told what of an alert, and what time alone changes in that: silences and inhibitions that end,
// reminders, routes that wait for an age, the end of flapping.
#include <algorithm>
#include <utility>

#include "alerts/lifecycle.h"

namespace redflag::alerts {
namespace {

/// What changes by time alone is looked at so often: nobody needs a reminder to the second.
constexpr Duration kReviewEvery = std::chrono::seconds{5};

bool firing(const Alert& alert) {
  return alert.last.to == AlertState::firing;
}

/// An acknowledgement holds for what was known when it was given.
bool dealt_with(const Alert& alert) {
  return alert.acknowledged.at != Time{} && alert.last.severity <= alert.acknowledged.severity;
}

}  // namespace

std::string Lifecycle::what_of(const Transition& transition) {
  std::string what = transition.rule;
  what += '\0';
  what += transition.run;
  what += '\0';
  what += to_string(transition.subject.kind);
  what += '\0';
  what += transition.subject.key;
  return what;
}

std::string Lifecycle::mute_reason(const Alert& alert, const RunContext& run, Time now) const {
  if (std::string silence = mutes_.silenced(alert.last, run, now); !silence.empty()) return silence;
  if (std::string other = mutes_.inhibited(alert.last, run, inhibitors()); !other.empty()) return other;
  return flapping(alert) ? std::string(kFlapping) : std::string();
}

void Lifecycle::note_inhibitor(const Alert& alert, const RunContext& run) {
  if (!mutes_.may_inhibit(alert.last, run)) return;
  inhibiting_[alert.last.id] = {alert.last, run};
  inhibitors_.clear();
}

void Lifecycle::forget_inhibitor(const std::string& id) {
  if (inhibiting_.erase(id) != 0) inhibitors_.clear();
}

const std::vector<MuteBook::Firing>& Lifecycle::inhibitors() const {
  if (inhibitors_.size() != inhibiting_.size()) {
    inhibitors_.clear();
    for (const auto& [id, one] : inhibiting_) inhibitors_.push_back({&one.first, one.second});
  }
  return inhibitors_;
}

void Lifecycle::say(NotificationKind kind, Alert& alert, const RunContext& run, Time now, std::string remark,
                    LifecycleOutput& out) {
  Notification said;
  said.kind = kind;
  said.severity = kind == NotificationKind::fired ? alert.last.severity : alert.worst;
  said.time = kind == NotificationKind::repeated ? now : alert.last.time;
  said.transitions.push_back(alert.last);
  said.run = run;
  said.age = alert.told_age;
  said.remark = std::move(remark);
  out.notifications.push_back(std::move(said));
  flaps_.told(what_of(alert.last), kind != NotificationKind::resolved);
  if (kind == NotificationKind::resolved) return;
  if (alert.told_first == Time{}) alert.told_first = now;
  alert.told_at = now;
  alert.told_severity = alert.worst;
}

void Lifecycle::say_escalated(Alert& alert, const RunContext& run, Time now, LifecycleOutput& out) {
  const Severity before = alert.told_severity;
  say(NotificationKind::escalated, alert, run, now, {}, out);
  auto& from = out.notifications.back().transitions.front().escalated_from;
  if (!from || *from > before) from = before;
}

void Lifecycle::review(Time now, LifecycleOutput& out) {
  if (now >= reviewed_ && now - reviewed_ < kReviewEvery) return;
  reviewed_ = now;
  for (OwedEnd& end : flaps_.calm_down(now)) {
    if (!mutes_.silenced(end.transition, end.run, now).empty()) continue;
    Notification said;
    said.kind = NotificationKind::resolved;
    said.severity = end.worst;
    said.time = end.transition.time;
    said.remark = "Steady since then; it had changed " + std::to_string(end.changes) + " times untold.";
    said.run = std::move(end.run);
    said.transitions.push_back(std::move(end.transition));
    out.notifications.push_back(std::move(said));
  }
  for (auto& [id, alert] : active_) {
    if (firing(alert) && review_one(alert, now, out)) out.alerts.push_back(alert);
  }
}

/// True when its record changed.
bool Lifecycle::review_one(Alert& alert, Time now, LifecycleOutput& out) {
  const RunContext run = options_.context_of(alert.last.run);
  if (run.historic) return false;
  std::string reason = mute_reason(alert, run, now);
  const bool changed = reason != alert.muted_by;
  const std::string before = std::exchange(alert.muted_by, std::move(reason));
  if (!alert.muted_by.empty()) return changed;
  if (alert.quiet) {
    alert.quiet = false;
    say(NotificationKind::fired, alert, run, now,
        before.empty() ? "" : "Was muted until now: " + before + ".", out);
    return true;
  }
  if (alert.worst > alert.told_severity) {
    say_escalated(alert, run, now, out);
    return true;
  }
  return remind(alert, run, now, out) || changed;
}

/// Says it again to those who know of it, or for the first time to those who are told only at this age.
bool Lifecycle::remind(Alert& alert, const RunContext& run, Time now, LifecycleOutput& out) {
  if (dealt_with(alert) || alert.told_first == Time{}) return false;
  alert.told_first = std::min(alert.told_first, now);  // the clock was set back
  alert.told_at = std::min(alert.told_at, now);
  const Duration age = now - alert.told_first;
  std::string remark =
      "Firing for " + human_duration(std::max(age, now - alert.fired_at)) + ", not acknowledged";
  if (const Time silent = options_.no_data_since(alert.last); silent != Time{})
    remark += "; no data since " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(silent));
  remark += ".";
  if (options_.router != nullptr) {
    if (const auto due = options_.router->due_between(alert.last, run, alert.told_age, age)) {
      const Duration before = std::exchange(alert.told_age, *due);
      const Time told_at = alert.told_at;
      say(NotificationKind::repeated, alert, run, now, std::move(remark), out);
      out.notifications.back().told_age = before;
      alert.told_at = told_at;  // the others have not heard of it again
      return true;
    }
  }
  if (run.ended || options_.repeat_every == Duration{} || now - alert.told_at < options_.repeat_every)
    return false;
  say(NotificationKind::repeated, alert, run, now, std::move(remark), out);
  return true;
}

}  // namespace redflag::alerts
