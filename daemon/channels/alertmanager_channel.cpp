#include "daemon/channels/alertmanager_channel.h"

#include "daemon/channels/http_post.h"

namespace redflag::daemon {

AlertmanagerChannel::AlertmanagerChannel(std::string name, AlertmanagerSettings settings,
                                         HttpTransport& transport, const Clock& clock)
    : Channel(std::move(name)),
      settings_(std::move(settings)),
      options_{.lifetime = 4 * settings_.refresh, .labels = settings_.labels},
      transport_(transport),
      clock_(clock) {}

std::optional<alerts::OutboxMessage> AlertmanagerChannel::message_of(
    const std::vector<alerts::Notification>& parts) const {
  alerts::OutboxMessage message;
  // The end is counted from now, not from when it is delivered: one that waited too long no longer revives an
  // alert that has ended meanwhile, and what still fires is told again anyhow.
  message.payload = alerts::alertmanager_alerts(parts, clock_.now(), options_);
  return message.payload.empty() ? std::nullopt : std::optional(std::move(message));
}

std::optional<alerts::OutboxMessage> AlertmanagerChannel::render(
    const alerts::NotificationGroup& group) const {
  return message_of(group.parts);
}

std::optional<alerts::OutboxMessage> AlertmanagerChannel::refresh(
    const std::vector<alerts::Notification>& firing) const {
  return message_of(firing);
}

asio::awaitable<alerts::SinkAnswer> AlertmanagerChannel::deliver(const alerts::OutboxMessage& message,
                                                                 const alerts::Receipts&) {
  HttpRequest request;
  request.url = settings_.url + "/api/v2/alerts";
  request.label = "Alertmanager";
  request.headers = {{"Content-Type", "application/json"}};
  if (!settings_.token.empty())
    request.headers.push_back({"Authorization", "Bearer " + std::string(settings_.token.reveal())});
  request.body = message.payload;
  co_return co_await http_post(transport_, std::move(request));
}

alerts::Verdict AlertmanagerChannel::judge(const alerts::SinkAnswer& answer, Time now) const {
  return alerts::classify_alertmanager_answer(answer, now);
}

}  // namespace redflag::daemon
