// The daemon's log: one line an event, text or JSON, through spdlog. `tail -f` on it is the live status.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "daemon/base/journal.h"
#include "rules/values/error.h"

namespace redflag::daemon {

enum class LogLevel : unsigned char { debug, info, warning, error, critical };
enum class LogFormat : unsigned char { text, json };

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string file;        ///< empty: standard error
  bool timestamps = true;  ///< off under journald, which has its own
  /// The journal's socket: entries go there with their fields, and to `file` when it does not take one.
  /// Empty: not to the journal.
  std::string journal_socket;
};

/// Sets up the process's log. Until then, and when the file cannot be opened, lines go to standard error.
Result<void> open_log(const LogOptions& options);
/// Opens the log file again (after logrotate moved it).
void reopen_log();
LogFormat log_format();
/// JOURNAL_STREAM names the very file that standard error is: journald stamps the lines itself.
bool stderr_is_journal();

/// `area` is the part that speaks: "wandb", "results", "alert", … Control characters in the text are escaped.
void log_line(LogLevel level, std::string_view area, std::string_view text);
/// A line whose JSON form has fields of its own. `fields_json` is the inside of an object:
/// `"run":"x","step":3`. `journal` are fields for the journal.
void log_event(LogLevel level, std::string_view area, std::string_view text, std::string_view fields_json,
               const JournalFields& journal = {});

template <typename... Args>
void log_debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::debug, area, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, area, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, area, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::error, area, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_critical(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::critical, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace redflag::daemon
