#include "daemon/cli/log_entry.h"

#include <array>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"
#include "daemon/cli/daemon_client.h"
#include "rules/values/glob.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warning", "error", "critical"};

bool is_upper_word(std::string_view word) {
  return !word.empty() && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

/// Takes the next word and the blanks behind it off `rest`.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.find_first_not_of(' ', end), rest.size()));
  return word;
}

/// A column of an alert's line: a word, or in quotes with backslashes before those inside.
std::string take_column(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::string(take_word(rest));
  std::string column;
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size() && rest[i + 1] == '"') ++i;
    column += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return column;
}

/// What a line for people says of its alert; alerts/log/log_line.h.
void find_alert(LogEntry& entry) {
  if (entry.area != "alert") return;
  entry.alert = true;
  std::string_view rest = entry.text;
  const std::string_view head = take_word(rest);
  if (!is_upper_word(head)) return;
  entry.head = head;
  entry.severity = severity_from(lower(head));
  entry.run = take_column(rest);
}

LogEntry from_text(std::string_view line) {
  LogEntry entry;
  entry.text = line;
  std::string_view rest = line;
  if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
    const std::optional<Time> time = parse_rfc3339(take_word(rest));
    if (!time) return entry;
    entry.time = *time;
  }
  const std::string_view word = take_word(rest);
  const std::optional<LogLevel> level = is_upper_word(word) ? log_level_from(lower(word)) : std::nullopt;
  if (!level || rest.empty()) return entry;
  entry.level = *level;
  entry.area = take_word(rest);
  entry.text = rest;
  entry.parsed = true;
  find_alert(entry);
  return entry;
}

std::optional<LogEntry> from_json(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const std::optional<LogLevel> level = log_level_from(lower(text_in(object, "level")));
  if (!level || !object.contains("area")) return std::nullopt;
  LogEntry entry;
  entry.parsed = true;
  entry.time = time_in(object, "time");
  entry.level = *level;
  entry.area = text_in(object, "area");
  entry.text = text_in(object, "text");
  find_alert(entry);
  if (const auto alert = object.find("alert"); alert != object.end() && alert->is_object()) {
    entry.severity = severity_from(text_in(*alert, "severity"));
    const std::string run = text_in(*alert, "run");
    if (!run.empty()) entry.run = run;
    entry.run_key = text_in(*alert, "run_key");
  }
  return entry;
}

/// journalctl writes what is no UTF-8 as a list of bytes.
std::string field(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string bytes;
  if (!found->is_array()) return bytes;
  for (const json& byte : *found) {
    if (byte.is_number_integer()) bytes += static_cast<char>(byte.get<int>());
  }
  return bytes;
}

const char* color_of(const LogEntry& entry) {
  if (entry.alert) {
    if (entry.head == "RESOLVED" || entry.head == "CLOSED" || entry.head == "CLEARED") return "32";
    if (entry.level == LogLevel::critical) return "1;31";
    return entry.level == LogLevel::warning ? "1;33" : "1;36";
  }
  switch (entry.level) {
    case LogLevel::debug:
      return "2";
    case LogLevel::info:
      return "";
    case LogLevel::warning:
      return "33";
    case LogLevel::error:
    case LogLevel::critical:
      return "31";
  }
  return "";
}

/// Two columns that an eye finds without colours, too.
std::string_view sign_of(const LogEntry& entry) {
  if (!entry.alert) return "  ";
  if (entry.head == "RESOLVED" || entry.head == "CLOSED" || entry.head == "CLEARED") return "+ ";
  return entry.level == LogLevel::critical ? "!!" : "! ";
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

/// The text is escaped once already where it came from redflagd's own log; what a backslash says stays.
std::string shown(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\\', at), text.size());
    out += alerts::escape_terminal(text.substr(at, end - at));
    if (end < text.size()) out += '\\';
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> log_level_from(std::string_view name) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

LogEntry read_log_line(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with('{')) {
    if (std::optional<LogEntry> entry = from_json(line)) return std::move(*entry);
  }
  return from_text(line);
}

LogEntry read_journal_line(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("MESSAGE")) return read_log_line(line);
  LogEntry entry = read_log_line(field(object, "MESSAGE"));
  const std::string stamp = field(object, "__REALTIME_TIMESTAMP");
  std::int64_t micros = 0;
  if (std::from_chars(stamp.data(), stamp.data() + stamp.size(), micros).ec == std::errc() &&
      entry.time == Time{})
    entry.time = std::chrono::floor<std::chrono::milliseconds>(Time{Duration{micros}});
  if (const std::string severity = field(object, "REDFLAG_SEVERITY"); entry.alert && !severity.empty())
    entry.severity = severity_from(lower(severity));
  if (const std::string run = field(object, "REDFLAG_RUN"); entry.alert && !run.empty()) entry.run = run;
  if (entry.alert) entry.run_key = field(object, "REDFLAG_RUN_KEY");
  return entry;
}

bool LogFilter::wants(const LogEntry& entry) const {
  if (entry.parsed && entry.level < level) return false;
  if (severity) {
    if (!entry.alert) return false;
    // An end is told with its own word: how bad it was, the level says.
    const Severity is = entry.severity.value_or(entry.level >= LogLevel::critical  ? Severity::critical
                                                : entry.level == LogLevel::warning ? Severity::warning
                                                                                   : Severity::info);
    if (is < *severity) return false;
  }
  if (run.empty()) return true;
  if (glob_match(run, entry.run) || (!entry.run_key.empty() && glob_match(run, entry.run_key))) return true;
  std::string_view rest = entry.text;
  while (!rest.empty()) {
    std::string_view word = take_word(rest);
    while (!word.empty() && std::string_view(",:;()\"").find(word.back()) != std::string_view::npos)
      word.remove_suffix(1);
    if (!word.empty() && glob_match(run, word)) return true;
  }
  return false;
}

std::string log_entry_text(const LogEntry& entry, const Look& look) {
  if (!entry.parsed) return shown(entry.text);
  std::string when = entry.time == Time{} ? std::string() : to_rfc3339(entry.time).substr(11, 8) + ' ';
  // An alert's text begins with its own severity.
  const std::string body =
      entry.alert && !entry.head.empty()
          ? fmt::format("{} {}", sign_of(entry), shown(entry.text))
          : fmt::format("{} {:<8} {:<8} {}", sign_of(entry), upper(to_string(entry.level)), shown(entry.area),
                        shown(entry.text));
  const char* const color = color_of(entry);
  if (!look.color || *color == '\0') return when + body;
  return when + fmt::format("\033[{}m{}\033[0m", color, body);
}

std::string log_entry_json(const LogEntry& entry) {
  nlohmann::ordered_json alert;
  if (entry.alert) {
    alert = {
        {"state", lower(entry.head)},
        {"severity", entry.severity ? nlohmann::ordered_json(std::string(redflag::to_string(*entry.severity)))
                                    : nlohmann::ordered_json()},
        {"run", for_json(entry.run)},
        {"run_key", for_json(entry.run_key)}};
  }
  const nlohmann::ordered_json line{
      {"time",
       entry.time == Time{} ? nlohmann::ordered_json() : nlohmann::ordered_json(to_rfc3339(entry.time))},
      {"level",
       entry.parsed ? nlohmann::ordered_json(std::string(to_string(entry.level))) : nlohmann::ordered_json()},
      {"area", for_json(entry.area)},
      {"text", for_json(entry.text)},
      {"alert", std::move(alert)}};
  return line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace redflag::daemon
