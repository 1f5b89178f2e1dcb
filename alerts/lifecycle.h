// What becomes of a transition: the alert's record, and whether anybody is told. The first stage behind the
// engine; grouping and delivery work on what it gives out.
//
// An alert (one id, one episode of one rule about one subject) is announced as fired at most once, as
// escalated at most once for each higher severity, and as resolved at most once and only after it had been
// announced. Closed alerts are not announced: the end of a run has a rule of its own. What happens to
// historic runs is recorded and told in a digest.
//
// Nobody is told while an alert is muted: by a silence, by another alert that speaks for it, or because it
// comes and goes (flapping). It is recorded all the same, and told when the reason has gone and it still
// fires. What goes on firing is said again now and then, unless somebody has acknowledged it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alerts/alert.h"
#include "alerts/digest.h"
#include "alerts/flapping.h"
#include "alerts/mute.h"
#include "alerts/route.h"

namespace redflag::alerts {

/// What one or more transitions led to, in order: commit it all in the transaction that holds its cause.
struct LifecycleOutput {
  std::vector<Alert> alerts;  ///< records to keep, by `last.id`; a later one replaces an earlier one
  std::vector<Notification> notifications;  ///< to be given a form and enqueued under `message_id`
};

struct LifecycleOptions {
  std::size_t keep_ended = 1000;
  Duration repeat_every = std::chrono::hours{24};  ///< a firing alert is said again; zero: never
  FlapOptions flapping;
  std::vector<Inhibition> inhibitions = default_inhibitions();
  /// The run of a key, as it is known now; empty when it is not.
  std::function<RunContext(const std::string& run_key)> context_of = [](const std::string&) {
    return RunContext{};
  };
  /// Since when what an alert is about has told nothing; Time{}: it has lately.
  std::function<Time(const Transition&)> no_data_since = [](const Transition&) { return Time{}; };
  const Router* router = nullptr;  ///< outlives the lifecycle; for routes that wait for an age
};

/// Not thread-safe. Memory: the active alerts, the last `keep_ended` ended ones, the silences, and the
/// DigestBook.
class Lifecycle {
 public:
  explicit Lifecycle(LifecycleOptions options = {});

  /// After a restart, before any `apply`: the kept records, active ones and the newest ended ones (any
  /// order). Transitions that are processed again afterwards announce nothing that had been announced; one
  /// whose record was not given back here is still caught by its message id.
  void restore(std::vector<Alert> kept, std::vector<Silence> silences = {});

  /// Takes one transition; appends to `out`. `run` is an empty RunContext for what belongs to no run. `now`
  /// is the wall clock, which may be hours later than the transition.
  void apply(const Transition& transition, const RunContext& run, Time now, LifecycleOutput& out);

  /// What time alone brings: silences that end, inhibitions that end, reminders, escalation by age, the end
  /// of flapping.
  void review(Time now, LifecycleOutput& out);

  /// Once the first read of a project is complete: one message about its historic runs. See DigestBook::make.
  Notification digest(const std::string& project, const std::string& run_key_prefix, std::size_t ended_runs,
                      Time now);

  /// What a person does. `id` may be a unique beginning. Errors: not_found, invalid_input (several),
  /// conflict.
  Result<Alert> acknowledge(const std::string& id, Acknowledgement acknowledgement);
  Result<Alert> unacknowledge(const std::string& id);
  /// New, or in place of that with the same id; the next review acts on it at once.
  void put_silence(Silence silence);
  void forget_silences_ended_before(Time then) { mutes_.forget_ended_before(then); }
  const MuteBook& mutes() const { return mutes_; }

  /// Firing now: the most severe first, among equals the longest. Pointers hold until the next non-const
  /// call.
  std::vector<const Alert*> active() const;
  /// Waiting for their `for`; same order.
  std::vector<const Alert*> pending() const;
  /// Resolved or closed lately: the most severe first, among equals the newest.
  std::vector<const Alert*> recent() const;
  /// By id, active or ended lately; nullptr when unknown.
  const Alert* find(const std::string& id) const;
  /// By id or a unique beginning of one.
  Result<const Alert*> look_up(const std::string& id) const;
  bool flapping(const Alert& alert) const;

 private:
  static constexpr std::string_view kFlapping = "flapping";
  static std::string what_of(const Transition& transition);

  void restore_flapping(const std::vector<Alert>& kept);
  void on_pending(const Transition& transition, const RunContext& run, LifecycleOutput& out);
  void on_firing(const Transition& transition, const RunContext& run, Time now, LifecycleOutput& out);
  void on_end(const Transition& transition, const RunContext& run, Time now, LifecycleOutput& out);
  void tell_or_mute(Alert& alert, const RunContext& run, Time now, bool flaps_now, LifecycleOutput& out);
  bool take_over(Alert& alert, Time now, LifecycleOutput& out);
  void put_ended(Alert alert);

  std::string mute_reason(const Alert& alert, const RunContext& run, Time now) const;
  void note_inhibitor(const Alert& alert, const RunContext& run);
  void forget_inhibitor(const std::string& id);
  const std::vector<MuteBook::Firing>& inhibitors() const;
  void say(NotificationKind kind, Alert& alert, const RunContext& run, Time now, std::string remark,
           LifecycleOutput& out);
  void say_escalated(Alert& alert, const RunContext& run, Time now, LifecycleOutput& out);
  bool review_one(Alert& alert, Time now, LifecycleOutput& out);
  bool remind(Alert& alert, const RunContext& run, Time now, LifecycleOutput& out);

  LifecycleOptions options_;
  std::unordered_map<std::string, Alert> active_;         // by id; pending and firing
  std::unordered_map<std::string, std::string> by_what_;  // rule, run and subject → id of the firing alert
  std::unordered_map<std::string, Alert> ended_;          // by id
  std::deque<std::string> ended_order_;                   // oldest first
  DigestBook digest_;
  MuteBook mutes_;
  FlapBook flaps_;
  std::map<std::string, std::pair<Transition, RunContext>> inhibiting_;  // by id: those that may mute others
  mutable std::vector<MuteBook::Firing> inhibitors_;  // made of them when needed; empty when they changed
  Time reviewed_;
};

}  // namespace redflag::alerts
