// What the store keeps, and the unit in which it is written.
#pragma once

#include <string>
#include <vector>

#include "alerts/alert.h"
#include "alerts/outbox_message.h"
#include "alerts/silence.h"
#include "daemon/monitor/intake.h"
#include "daemon/runs/run_info.h"
#include "daemon/store/verdict_record.h"
#include "rules/engine/engine.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// What a start needs of a subject's points.
enum class PointsWanted : std::uint8_t {
  none,
  totals,  ///< summaries only
  all,
};

/// One transaction: everything in it becomes durable together, or nothing does. Later entries replace earlier
/// ones of the same identity, so commits can be merged by appending.
struct Commit {
  std::vector<RunInfo> runs;
  std::vector<Observation>
      observations;  ///< rows and summaries are kept as they are; facts replace the subject's older ones
  std::vector<Subject> gone;  ///< what was kept of these (of a run, its record as well) is dropped, before
                              ///< the rest is written
  std::vector<CursorUpdate> cursors;
  std::vector<RuleInstance> instances;  ///< an inactive one deletes its record
  std::vector<alerts::Alert> alerts;
  std::vector<alerts::OutboxMessage> messages;
  std::vector<alerts::Silence> silences;
  std::vector<VerdictRecord> verdicts;  ///< one without a report deletes what is kept of its path

  bool empty() const;
  /// About what it takes in memory.
  std::size_t bytes() const;
  /// The subject no longer exists: nothing said of it so far is written, what was kept is dropped.
  void drop(const Subject& subject);
  void append(Commit&& later);
};

/// Everything a start needs, except the points (see Store::for_each_point).
struct StoredState {
  std::vector<RunInfo> runs;
  std::vector<Observation> facts;
  std::vector<CursorUpdate> cursors;
  std::vector<RuleInstance> instances;
  std::vector<alerts::Alert> alerts;
  std::vector<alerts::Silence> silences;
  std::vector<alerts::OutboxMessage> unsent;  ///< queued and parked
};

}  // namespace redflag::daemon
