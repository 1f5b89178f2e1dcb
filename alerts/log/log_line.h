// What the log says of a transition or a notification: a line for people who `tail -f` it, or a JSON object
// for programs.
#pragma once

#include <string>

#include "alerts/alert.h"

namespace redflag::alerts {

/// One line, without time stamp or line end:
/// "CRITICAL  full_ft_sst2_seed999_failed  loss-too-high  train loss 8.45 > 5 at step 700 since 02:56:39
/// alert 9f3c…  hint: …". The first column is the severity, or PENDING, CLEARED (pending no longer),
/// RESOLVED, CLOSED. Names are quoted when they have spaces; whatever could forge a line or reach the
/// terminal is escaped (see text/escape.h). `run` may be null.
std::string transition_line(const Transition& transition, const RunContext* run = nullptr);

/// The same for what is announced; a digest or a notice is "SEVERITY  title  text" with " | " between the
/// text's lines. What was told before begins with "still"; the remark stands at the end.
std::string notification_line(const Notification& notification);

/// One JSON object on one line, in ASCII: `redflag demo --json`, `redflag replay --json` and the JSON log are
/// made of these. Keys, always all of them: time, rule, pack, severity, escalated_from, state, from, run
/// (name, else key), run_key, subject, subject_kind, step, attempt, value, threshold, comparison, since,
/// since_step, message, hint, reason, id, evidence (array of metric, original, value, recent), task, method,
/// seed. Unknown times, steps and values are null; NaN and the infinities are the strings "NaN", "Infinity",
/// "-Infinity"; bytes that are no UTF-8 are escaped reversibly (text/escape.h: escape_utf8).
std::string transition_json(const Transition& transition, const RunContext* run);

/// The transition's object with "kind" in front and "remark" at its end; for a digest or a notice: kind,
/// time, severity, title, text, remark, alerts (ids).
std::string notification_json(const Notification& notification);

}  // namespace redflag::alerts
