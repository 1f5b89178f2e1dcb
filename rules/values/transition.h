// What the rule engine says: a rule's state changed for a subject. The only input of the alerts room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/observation.h"
#include "rules/values/time.h"

namespace redflag {

enum class Severity : std::uint8_t { info, warning, critical };

/// State of one rule for one subject.
enum class AlertState : std::uint8_t {
  inactive,
  pending,  ///< the condition holds, but not for as long as `for` asks
  firing,
  resolved,  ///< the condition no longer holds (or `resolve` does); only ever a transition's target
  closed,    ///< ended while firing: the run ended, the file is gone or the rule was removed; not known to be
             ///< mended
};

std::string_view to_string(Severity severity);
std::optional<Severity> severity_from(std::string_view name);
std::string_view to_string(AlertState state);
std::optional<AlertState> alert_state_from(std::string_view name);

/// A metric as it was when the rule spoke: the value, and the last points of its curve for a sparkline.
struct Evidence {
  std::string metric;    ///< canonical name
  std::string original;  ///< the name it was logged under
  double value = 0.0;
  std::vector<double> recent;  ///< at most 32 points, oldest first, NaN and infinities as they came
};

struct Transition {
  std::string id;  ///< the alert's id: 16 hex digits of rule, subject and the time it began; same for all its
                   ///< transitions, also after a restart
  std::string rule;
  std::string pack;  ///< "step3", "generic", or the user's file
  Severity severity = Severity::warning;
  std::optional<Severity> escalated_from;  ///< set when a firing alert changed severity
  Subject subject;
  std::string run;  ///< key of the run, empty when unattributed
  AlertState from = AlertState::inactive;
  AlertState to = AlertState::inactive;
  Time time;  ///< when this change happened, in the time of the observations
  std::int64_t step = -1;
  Time since;  ///< when the condition began to hold
  std::int64_t since_step = -1;
  std::uint32_t attempt = 1;
  std::optional<double> value;      ///< left side of the comparison that decided
  std::optional<double> threshold;  ///< its right side
  std::string comparison;           ///< the operator between them: ">", "<", …; empty when there is none
  std::string message;              ///< for people, placeholders filled in
  std::string hint;                 ///< what to try; may be empty
  std::string reason;  ///< for resolved and closed: "train_loss is 0.41", "the run ended", "the file is gone"
  std::vector<Evidence> evidence;
};

}  // namespace redflag
