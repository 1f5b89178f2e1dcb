// A generic webhook: the default body or the user's template, signed if there is a secret, so that the
// receiver can tell our messages from anybody's.
#pragma once

#include <optional>
#include <string>

#include "alerts/webhook/webhook_body.h"
#include "daemon/base/clock.h"
#include "daemon/config/secret.h"
#include "daemon/monitor/channel.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

struct WebhookSettings {
  Secret url;                                   ///< may hold a token of its own
  Secret secret;                                ///< that messages are signed with; empty: they are not
  Secret token;                                 ///< sent as a bearer token; empty: none
  std::optional<alerts::WebhookTemplate> body;  ///< nullopt: the default body
};

/// "v1=HEX": HMAC-SHA256, with the secret as key, of TIMESTAMP + "." + body. The time is part of it so that a
/// recorded message cannot be played again later.
std::string webhook_signature(const Secret& secret, const std::string& timestamp, const std::string& body);

/// Headers: X-Redflag-Id (the message's id: the same for a message that is sent twice), X-Redflag-Timestamp
/// (Unix seconds) and, with a secret, X-Redflag-Signature.
class WebhookChannel : public Channel {
 public:
  WebhookChannel(std::string name, WebhookSettings settings, HttpTransport& transport, const Clock& clock);
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {.per_second = 5, .burst = 20}; }

 private:
  WebhookSettings settings_;
  HttpTransport& transport_;
  const Clock& clock_;
};

}  // namespace redflag::daemon
