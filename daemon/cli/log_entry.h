// A line of redflagd's log, whichever way it was written: text, JSON, or an entry of the journal. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/log.h"
#include "daemon/cli/operator_text.h"
#include "rules/values/time.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

struct LogEntry {
  Time time;  ///< Time{}: the line does not say
  LogLevel level = LogLevel::info;
  std::string area;  ///< "wandb", "alert", …; empty when the line is none of ours
  std::string text;  ///< raw: as it came, to be escaped where it is shown
  bool parsed = false;
  // Of an alert.
  bool alert = false;
  std::string head;  ///< "CRITICAL", "RESOLVED", …: the first word of an alert's text
  std::string run;   ///< its name, or what else it is about
  std::string run_key;
  std::optional<Severity> severity;
};

/// A line of a log file: "2026-11-23T02:56:39Z WARNING  wandb    …", the same without time, or a JSON object.
/// What is neither is an entry of its own, unparsed.
LogEntry read_log_line(std::string_view line);
/// A line of `journalctl -o json`. MESSAGE may be a text or a list of bytes.
LogEntry read_journal_line(std::string_view line);

std::string_view to_string(LogLevel level);
std::optional<LogLevel> log_level_from(std::string_view name);

struct LogFilter {
  std::string run;  ///< a glob; empty: any
  LogLevel level = LogLevel::debug;
  std::optional<Severity> severity;  ///< alerts of this severity and worse, and nothing else

  /// Lines that are none of ours pass unless only alerts or one run are wanted. A run is wanted when the
  /// alert is about it, or a word of the line is its name.
  bool wants(const LogEntry& entry) const;
};

/// One line without line end, nothing in it that could move a cursor.
std::string log_entry_text(const LogEntry& entry, const Look& look);
/// {"time", "level", "area", "text", "alert": null or {"state", "severity", "run", "run_key"}} on one line.
std::string log_entry_json(const LogEntry& entry);

}  // namespace redflag::daemon
