#include "daemon/channels/log_channel.h"

#include <nlohmann/json.hpp>

#include "alerts/log/journal_fields.h"
#include "alerts/log/log_line.h"
#include "daemon/base/log.h"

namespace redflag::daemon {

std::optional<alerts::OutboxMessage> LogChannel::render(const alerts::NotificationGroup& group) const {
  if (group.parts.empty()) return std::nullopt;
  const alerts::Notification& notification = group.parts.back();
  alerts::OutboxMessage message;
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [name, value] : alerts::journal_fields(notification)) fields[name] = value;
  message.payload = nlohmann::json{{"fields", std::move(fields)},
                                   {"severity", to_string(notification.severity)},
                                   {"line", alerts::notification_line(notification)},
                                   {"alert", alerts::notification_json(notification)}}
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return message;
}

asio::awaitable<alerts::SinkAnswer> LogChannel::deliver(const alerts::OutboxMessage& message,
                                                        const alerts::Receipts&) {
  const nlohmann::json payload = nlohmann::json::parse(message.payload, nullptr, false);
  const std::string line = payload.is_object() ? payload.value("line", message.payload) : message.payload;
  const Severity severity =
      severity_from(payload.is_object() ? payload.value("severity", "") : "").value_or(Severity::warning);
  const LogLevel level = severity == Severity::critical  ? LogLevel::critical
                         : severity == Severity::warning ? LogLevel::warning
                                                         : LogLevel::info;
  JournalFields fields;
  if (payload.is_object() && payload.contains("fields")) {
    for (const auto& [name, value] : payload["fields"].items()) {
      if (value.is_string()) fields.emplace_back(name, value.get<std::string>());
    }
  }
  log_event(level, "alert", line, payload.is_object() ? "\"alert\":" + payload.value("alert", "null") : "",
            fields);
  co_return alerts::SinkAnswer{
      .status = 200, .body = "ok", .retry_after = {}, .transport_error = false, .transport_text = {}};
}

void LogChannel::add_remark(alerts::OutboxMessage& message, const std::string& remark) const {
  nlohmann::json payload = nlohmann::json::parse(message.payload, nullptr, false);
  if (!payload.is_object()) return;
  payload["line"] = payload.value("line", "") + " (" + remark + ')';
  message.payload = payload.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

alerts::Verdict LogChannel::judge(const alerts::SinkAnswer&, Time) const {
  alerts::Verdict verdict;
  verdict.outcome = alerts::Outcome::sent;
  return verdict;
}

}  // namespace redflag::daemon
