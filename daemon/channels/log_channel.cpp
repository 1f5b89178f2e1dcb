#include "daemon/channels/log_channel.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "alerts/log/journal_fields.h"
#include "alerts/log/log_line.h"
#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

// A payload is lines: severity, the line for people, the alert as JSON, then NAME=value for the journal. Two
// of them would be JSON within JSON, which costs more to write and to read again than all the rest of an
// alert.
constexpr char kEscape = '\\';

void add_field(std::string& payload, const std::string& name, const std::string& value) {
  payload += name;
  payload += '=';
  for (const char c : value) {
    if (c == kEscape || c == '\n') payload += kEscape;
    payload += c == '\n' ? 'n' : c;
  }
  payload += '\n';
}

std::string unescaped(std::string_view text) {
  std::string value;
  value.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kEscape && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return value;
}

/// Cuts the next line off `rest`.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

struct Entry {
  Severity severity = Severity::warning;
  std::string line;
  std::string alert;  // JSON; empty: none
  JournalFields fields;
};

/// What older versions queued, before there were lines.
Entry read_json(const std::string& text) {
  Entry entry{Severity::warning, text, {}, {}};
  const nlohmann::json payload = nlohmann::json::parse(text, nullptr, false);
  if (!payload.is_object()) return entry;
  entry.line = payload.value("line", text);
  entry.severity = severity_from(payload.value("severity", "")).value_or(Severity::warning);
  entry.alert = payload.value("alert", "null");
  if (!payload.contains("fields")) return entry;
  for (const auto& [name, value] : payload["fields"].items()) {
    if (value.is_string()) entry.fields.emplace_back(name, value.get<std::string>());
  }
  return entry;
}

Entry read(const std::string& payload) {
  if (payload.starts_with('{')) return read_json(payload);
  std::string_view rest = payload;
  const std::optional<Severity> severity = severity_from(next_line(rest));
  if (!severity) return {Severity::warning, payload, {}, {}};
  Entry entry{*severity, std::string(next_line(rest)), {}, {}};
  entry.alert = next_line(rest);
  for (std::string_view field = next_line(rest); !field.empty(); field = next_line(rest)) {
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    entry.fields.emplace_back(std::string(field.substr(0, equals)), unescaped(field.substr(equals + 1)));
  }
  return entry;
}

std::string written(const Entry& entry) {
  std::string payload(to_string(entry.severity));
  payload.reserve(entry.line.size() + entry.alert.size() + 512);
  payload += '\n' + entry.line + '\n' + entry.alert + '\n';
  for (const auto& [name, value] : entry.fields) add_field(payload, name, value);
  return payload;
}

}  // namespace

std::optional<alerts::OutboxMessage> LogChannel::render(const alerts::NotificationGroup& group) const {
  if (group.parts.empty()) return std::nullopt;
  const alerts::Notification& notification = group.parts.back();
  alerts::OutboxMessage message;
  message.payload = written({notification.severity, alerts::notification_line(notification),
                             alerts::notification_json(notification), alerts::journal_fields(notification)});
  return message;
}

asio::awaitable<alerts::SinkAnswer> LogChannel::deliver(const alerts::OutboxMessage& message,
                                                        const alerts::Receipts&) {
  const Entry entry = read(message.payload);
  const LogLevel level = entry.severity == Severity::critical  ? LogLevel::critical
                         : entry.severity == Severity::warning ? LogLevel::warning
                                                               : LogLevel::info;
  log_event(level, "alert", entry.line, entry.alert.empty() ? "" : "\"alert\":" + entry.alert, entry.fields);
  co_return alerts::SinkAnswer{
      .status = 200, .body = "ok", .retry_after = {}, .transport_error = false, .transport_text = {}};
}

void LogChannel::add_remark(alerts::OutboxMessage& message, const std::string& remark) const {
  Entry entry = read(message.payload);
  std::string one_line = remark;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  entry.line += " (" + one_line + ')';
  message.payload = written(entry);
}

alerts::Verdict LogChannel::judge(const alerts::SinkAnswer&, Time) const {
  alerts::Verdict verdict;
  verdict.outcome = alerts::Outcome::sent;
  return verdict;
}

}  // namespace redflag::daemon
