#include "daemon/channels/webhook_channel.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/channels/http_post.h"

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
  const std::string signed_text = timestamp + '.' + body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const std::string_view key = secret.reveal();
  const void* text = signed_text.data();
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), static_cast<const unsigned char*>(text),
         signed_text.size(), digest.data(), &size);
  std::string hex = "v1=";
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
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
