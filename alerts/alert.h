// An alert as it is kept and shown: one per rule, subject and episode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/transition.h"

namespace redflag::alerts {

/// What a message says about the run an alert belongs to. Filled by the daemon; this room knows no source.
struct RunContext {
  std::string key;
  std::string name;  ///< as a person calls it: "full_ft_sst2_seed42"
  std::string url;   ///< page of the run; may be empty
  std::string task;
  std::string method;
  std::string seed;
  std::string state;
  std::string project;  ///< "entity/project"
  std::vector<std::string> tags;
  bool ended = false;     ///< what is wrong with it does not go on: it is not said again and again
  bool historic = false;  ///< had ended before redflag first saw its project: in the digest, pages nobody
};

/// Somebody has seen it and deals with it: no more reminders, no escalation by age. An alert that becomes
/// more severe afterwards is told again.
struct Acknowledgement {
  Time at;  ///< Time{}: not acknowledged
  std::string by;
  std::string comment;
  Severity severity = Severity::info;  ///< of the alert when it was acknowledged
};

/// `last` is the newest transition of the episode; its id is the alert's id.
struct Alert {
  Transition last;
  Time fired_at;  ///< Time{} while pending
  Time ended_at;  ///< resolved or closed; Time{} while active
  Severity worst = Severity::warning;
  std::string run_name;
  bool quiet = false;  ///< fired, but nobody was told (its run was historic, or it was muted). To be kept
                       ///< with the record
  Acknowledgement acknowledged;
  std::string muted_by;  ///< why nobody is told now: "silence 4f1c…", "inhibited by run-failed 9f3c…",
                         ///< "flapping"; empty: somebody is
  // What people know of it. Times of the wall clock, not of the observations.
  Time told_first;  ///< somebody was told that it fires; Time{}: nobody yet
  Time told_at;     ///< the last time
  Severity told_severity = Severity::info;
  Duration told_age{};  ///< the age up to which routes with `after` have had their say
};

/// What is to be announced, before any channel has given it a form.
enum class NotificationKind : std::uint8_t {
  fired,
  escalated,
  repeated,  ///< still firing, as was told before
  resolved,
  digest,
  notice
};

std::string_view to_string(NotificationKind kind);

struct Notification {
  NotificationKind kind = NotificationKind::fired;
  Severity severity = Severity::warning;  ///< resolved: the worst that had been announced
  Time time;
  std::string key;  ///< digest and notice: two with one key are one message. Empty: title, text and time
  std::vector<Transition> transitions;  ///< one for fired, escalated and resolved; any number for a digest
  RunContext run;                       ///< of the transition; empty for a digest or a notice
  Duration age{};                       ///< since somebody was first told: who is told now (see Route::after)
  std::optional<Duration> told_age;     ///< not those who were told already at this age
  std::string remark;  ///< one more line for people: "firing for 12 h", "silence … has ended"; may be empty
  std::string title;   ///< digest and notice: headline
  std::string text;    ///< digest and notice: body, plain text, may have lines
};

/// What is told together: one run's burst is one message. One part at least; parts are in the order in which
/// they came, and of one alert only the newest matters.
struct NotificationGroup {
  std::string key;  ///< what its parts have in common: the run's key, else "kind:subject"; empty for a digest
                    ///< or a notice, which are alone
  std::vector<Notification> parts;
};

}  // namespace redflag::alerts
