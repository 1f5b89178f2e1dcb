#include "daemon/channels/webhook_channel.h"

#include <utility>

#include "daemon/channels/http_post.h"
#include "daemon/net/hmac.h"

namespace redflag::daemon {
namespace {

/// Ids are made of what rules and runs are called nowhere, but a header must not depend on that.
std::string header_value(const std::string& text) {
  std::string out;
  for (const char c : text) out += c > ' ' && c < 0x7f ? c : '_';
  return out.substr(0, 200);
}

}  // namespace

std::string webhook_signature(const Secret& secret, const std::string& timestamp, const std::string& body) {
  return "v1=" + hmac_sha256_hex(secret.reveal(), timestamp + '.' + body);
}

WebhookChannel::WebhookChannel(std::string name, WebhookSettings settings, HttpTransport& transport,
                               const Clock& clock)
    : Channel(std::move(name)), settings_(std::move(settings)), transport_(transport), clock_(clock) {}

std::optional<alerts::OutboxMessage> WebhookChannel::render(const alerts::NotificationGroup& group) const {
  alerts::OutboxMessage message;
  message.payload =
      settings_.body ? settings_.body->body(group, name()) : alerts::webhook_body(group, name());
  return message.payload.empty() ? std::nullopt : std::optional(std::move(message));
}

asio::awaitable<alerts::SinkAnswer> WebhookChannel::deliver(const alerts::OutboxMessage& message,
                                                            const alerts::Receipts&) {
  HttpRequest request;
  request.url = std::string(settings_.url.reveal());
  request.label = "webhook " + name();
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  const std::string timestamp = std::to_string(now);
  request.headers = {{"Content-Type", "application/json"},
                     {"X-Redflag-Id", header_value(message.id)},
                     {"X-Redflag-Timestamp", timestamp}};
  if (!settings_.secret.empty())
    request.headers.push_back(
        {"X-Redflag-Signature", webhook_signature(settings_.secret, timestamp, message.payload)});
  if (!settings_.token.empty())
    request.headers.push_back({"Authorization", "Bearer " + std::string(settings_.token.reveal())});
  request.body = message.payload;
  co_return co_await http_post(transport_, std::move(request));
}

alerts::Verdict WebhookChannel::judge(const alerts::SinkAnswer& answer, Time now) const {
  return alerts::classify_webhook_answer(answer, now);
}

}  // namespace redflag::daemon
