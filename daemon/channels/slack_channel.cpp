#include "daemon/channels/slack_channel.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "alerts/slack/slack_message.h"
#include "alerts/slack/slack_sink.h"
#include "daemon/channels/http_post.h"

namespace redflag::daemon {
namespace {

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

bool urgent(const alerts::Notification& n) {
  return n.severity == Severity::critical && n.kind != alerts::NotificationKind::resolved;
}

}  // namespace

SlackChannel::SlackChannel(std::string name, Secret webhook, std::string mention, HttpTransport& transport)
    : Channel(std::move(name)),
      webhook_(std::move(webhook)),
      mention_(std::move(mention)),
      transport_(transport) {}

std::optional<alerts::OutboxMessage> SlackChannel::render(const alerts::NotificationGroup& group) const {
  if (group.parts.empty()) return std::nullopt;
  alerts::OutboxMessage message;
  message.payload = alerts::slack_payload(group);
  message.fallback = alerts::slack_fallback(group);
  if (!mention_.empty() && std::any_of(group.parts.begin(), group.parts.end(), urgent))
    add_mention(mention_, message);
  return message;
}

asio::awaitable<alerts::SinkAnswer> SlackChannel::deliver(const alerts::OutboxMessage& message,
                                                          const alerts::Receipts&) {
  HttpRequest request;
  request.url = std::string(webhook_.reveal());
  request.label = "Slack webhook";
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  request.body = message.payload;
  co_return co_await http_post(transport_, std::move(request));
}

void SlackChannel::add_remark(alerts::OutboxMessage& message, const std::string& remark) const {
  alerts::add_slack_remark(message.payload, remark);
  if (!message.fallback.empty()) alerts::add_slack_remark(message.fallback, remark);
}

alerts::Verdict SlackChannel::judge(const alerts::SinkAnswer& answer, Time now) const {
  return alerts::classify_slack_answer(answer, now);
}

}  // namespace redflag::daemon
