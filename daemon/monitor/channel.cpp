#include "daemon/monitor/channel.h"

#include <nlohmann/json.hpp>

#include "alerts/log/log_line.h"
#include "alerts/message_id.h"
#include "alerts/slack/slack_message.h"
#include "alerts/slack/slack_sink.h"
#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

/// A resolved or digest message matters to whoever was told of the alert; notices speak for redflag itself.
bool wanted(const alerts::Notification& notification, Severity min_severity) {
  return notification.kind == alerts::NotificationKind::digest || notification.severity >= min_severity;
}

/// Slack notifies for a mention in a block, not for one in `text` when there are blocks.
void add_mention(const std::string& mention, alerts::OutboxMessage& message) {
  using nlohmann::json;
  json payload = json::parse(message.payload, nullptr, false);
  if (!payload.is_object() || !payload["blocks"].is_array()) return;
  json& blocks = payload["blocks"];
  blocks.insert(blocks.begin(), json{{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", mention}}}});
  message.payload = payload.dump();
  message.fallback = json{{"text", mention + ' ' + payload.value("text", "")}}.dump();
}

}  // namespace

SlackChannel::SlackChannel(std::string name, Secret webhook, Severity min_severity, std::string mention,
                           HttpTransport& transport)
    : Channel(std::move(name)),
      webhook_(std::move(webhook)),
      min_severity_(min_severity),
      mention_(std::move(mention)),
      transport_(transport) {}

std::optional<alerts::OutboxMessage> SlackChannel::render(const alerts::Notification& notification) const {
  if (!wanted(notification, min_severity_)) return std::nullopt;
  alerts::OutboxMessage message = alerts::slack_outbox_message(notification, name(), notification.time);
  const bool urgent =
      notification.severity == Severity::critical && notification.kind != alerts::NotificationKind::resolved;
  if (urgent && !mention_.empty()) add_mention(mention_, message);
  return message;
}

asio::awaitable<alerts::SinkAnswer> SlackChannel::deliver(const alerts::OutboxMessage& message) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::string(webhook_.reveal());
  request.label = "Slack webhook";
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  request.body = message.payload;
  request.timeout = std::chrono::seconds{15};
  request.max_response_bytes = 64 * 1024;
  Result<HttpResponse> response = co_await transport_.send(std::move(request));
  alerts::SinkAnswer answer;
  if (response) {
    answer.status = response->status;
    answer.retry_after = response->header("Retry-After");
    answer.body = std::move(response->body);
  } else {
    answer.transport_error = true;
    answer.transport_text = response.error().text();
  }
  co_return answer;
}

alerts::Verdict SlackChannel::judge(const alerts::SinkAnswer& answer, Time now) const {
  return alerts::classify_slack_answer(answer, now);
}

std::optional<alerts::OutboxMessage> LogChannel::render(const alerts::Notification& notification) const {
  if (!wanted(notification, min_severity_)) return std::nullopt;
  alerts::OutboxMessage message;
  message.id = alerts::message_id(notification, name());
  message.channel = name();
  message.created = notification.time;
  for (const Transition& transition : notification.transitions) message.alert_ids.push_back(transition.id);
  message.payload = nlohmann::json{{"severity", to_string(notification.severity)},
                                   {"line", alerts::notification_line(notification)},
                                   {"alert", alerts::notification_json(notification)}}
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return message;
}

asio::awaitable<alerts::SinkAnswer> LogChannel::deliver(const alerts::OutboxMessage& message) {
  const nlohmann::json payload = nlohmann::json::parse(message.payload, nullptr, false);
  const std::string line = payload.is_object() ? payload.value("line", message.payload) : message.payload;
  const Severity severity =
      severity_from(payload.is_object() ? payload.value("severity", "") : "").value_or(Severity::warning);
  const LogLevel level = severity == Severity::critical  ? LogLevel::critical
                         : severity == Severity::warning ? LogLevel::warning
                                                         : LogLevel::info;
  log_event(level, "alert", line, payload.is_object() ? "\"alert\":" + payload.value("alert", "null") : "");
  co_return alerts::SinkAnswer{
      .status = 200, .body = "ok", .retry_after = {}, .transport_error = false, .transport_text = {}};
}

alerts::Verdict LogChannel::judge(const alerts::SinkAnswer&, Time) const {
  alerts::Verdict verdict;
  verdict.outcome = alerts::Outcome::sent;
  return verdict;
}

}  // namespace redflag::daemon
