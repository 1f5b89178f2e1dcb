#include "daemon/channels/slack_bot_channel.h"

#include <utility>

#include "alerts/slack/slack_api.h"
#include "alerts/slack/slack_bot.h"
#include "daemon/channels/http_post.h"

namespace redflag::daemon {

SlackBotChannel::SlackBotChannel(std::string name, Secret token, std::string api_url, std::string channel,
                                 std::string mention, HttpTransport& transport)
    : Channel(std::move(name)),
      token_(std::move(token)),
      api_url_(std::move(api_url)),
      channel_(std::move(channel)),
      mention_(std::move(mention)),
      transport_(transport) {}

std::optional<alerts::OutboxMessage> SlackBotChannel::render(const alerts::NotificationGroup& group) const {
  if (group.parts.empty()) return std::nullopt;
  alerts::OutboxMessage message;
  message.payload = alerts::slack_bot_payload(group, mention_, false);
  message.fallback = alerts::slack_bot_payload(group, mention_, true);
  return message;
}

asio::awaitable<alerts::SinkAnswer> SlackBotChannel::deliver(const alerts::OutboxMessage& message,
                                                             const alerts::Receipts& receipts) {
  alerts::SlackBotDelivery delivery(message.payload, channel_, receipts);
  for (;;) {
    std::optional<alerts::SlackCall> call = delivery.next();
    if (!call) break;
    HttpRequest request;
    request.url = api_url_ + '/' + call->method;
    request.label = "Slack " + call->method;
    request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                       {"Authorization", "Bearer " + std::string(token_.reveal())}};
    request.body = std::move(call->body);
    alerts::SinkAnswer answer = co_await http_post(transport_, std::move(request));
    delivery.answered(std::move(answer));
  }
  co_return delivery.result();
}

alerts::Verdict SlackBotChannel::judge(const alerts::SinkAnswer& answer, Time now) const {
  return alerts::classify_slack_api_answer(answer, now);
}

}  // namespace redflag::daemon
