// What becomes of a transition: the alert's record, and whether anybody is told. The first stage behind the
// engine; silences, grouping and routing work on what it gives out.
//
// An alert (one id, one episode of one rule about one subject) is announced as fired at most once, as
// escalated at most once for each higher severity, and as resolved at most once and only after it had been
// announced. Closed alerts are not announced: the end of a run has a rule of its own. What happens to
// historic runs is recorded and told in a digest.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerts/alert.h"
#include "alerts/digest.h"

namespace redflag::alerts {

/// What one or more transitions led to, in order: commit it all in the transaction that holds its cause.
struct LifecycleOutput {
  std::vector<Alert> alerts;  ///< records to keep, by `last.id`; a later one replaces an earlier one
  std::vector<Notification> notifications;  ///< to be given a form and enqueued under `message_id`
};

/// Not thread-safe. Memory: the active alerts, the last `keep_ended` ended ones, and the DigestBook.
class Lifecycle {
 public:
  explicit Lifecycle(std::size_t keep_ended = 1000) : keep_ended_(keep_ended) {}

  /// After a restart, before any `apply`: the kept records, active ones and the newest ended ones (any
  /// order). Transitions that are processed again afterwards announce nothing that had been announced; one
  /// whose record was not given back here is still caught by its message id.
  void restore(std::vector<Alert> kept);

  /// Takes one transition; appends to `out`. `run` is an empty RunContext for what belongs to no run.
  void apply(const Transition& transition, const RunContext& run, LifecycleOutput& out);

  /// Once the first read of a project is complete: one message about its historic runs. See DigestBook::make.
  Notification digest(const std::string& project, const std::string& run_key_prefix, std::size_t ended_runs,
                      Time now);

  /// Firing now: the most severe first, among equals the longest. Pointers hold until the next non-const
  /// call.
  std::vector<const Alert*> active() const;
  /// Waiting for their `for`; same order.
  std::vector<const Alert*> pending() const;
  /// Resolved or closed lately: the most severe first, among equals the newest.
  std::vector<const Alert*> recent() const;
  /// By id, active or ended lately; nullptr when unknown.
  const Alert* find(const std::string& id) const;

 private:
  void on_pending(const Transition& transition, const RunContext& run, LifecycleOutput& out);
  void on_firing(const Transition& transition, const RunContext& run, LifecycleOutput& out);
  void on_end(const Transition& transition, const RunContext& run, LifecycleOutput& out);
  void tell_or_gather(Alert& alert, const RunContext& run, LifecycleOutput& out);
  bool take_over(Alert& alert, LifecycleOutput& out);
  void put_ended(Alert alert);

  std::size_t keep_ended_;
  std::unordered_map<std::string, Alert> active_;         // by id; pending and firing
  std::unordered_map<std::string, std::string> by_what_;  // rule, run and subject → id of the firing alert
  std::unordered_map<std::string, Alert> ended_;          // by id
  std::deque<std::string> ended_order_;                   // oldest first
  DigestBook digest_;
};

}  // namespace redflag::alerts
