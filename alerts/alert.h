// An alert as it is kept and shown: one per rule, subject and episode.
#pragma once

#include <cstdint>
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
  bool historic = false;  ///< had ended before redflag first saw its project: in the digest, pages nobody
};

/// `last` is the newest transition of the episode; its id is the alert's id.
struct Alert {
  Transition last;
  Time fired_at;  ///< Time{} while pending
  Time ended_at;  ///< resolved or closed; Time{} while active
  Severity worst = Severity::warning;
  std::string run_name;
  bool quiet = false;  ///< fired, but nobody was told: its run was historic. To be kept with the record
};

/// What is to be announced, before any channel has given it a form.
enum class NotificationKind : std::uint8_t { fired, escalated, resolved, digest, notice };

std::string_view to_string(NotificationKind kind);

struct Notification {
  NotificationKind kind = NotificationKind::fired;
  Severity severity = Severity::warning;  ///< resolved: the worst that had been announced
  Time time;
  std::string key;  ///< digest and notice: two with one key are one message. Empty: title, text and time
  std::vector<Transition> transitions;  ///< one for fired, escalated and resolved; any number for a digest
  RunContext run;                       ///< of the transition; empty for a digest or a notice
  std::string title;                    ///< digest and notice: headline
  std::string text;                     ///< digest and notice: body, plain text, may have lines
};

}  // namespace redflag::alerts
