// Slack with a bot's token: a thread for each run, and messages that turn green when their alert has ended.
// What is said when is alerts/slack/slack_bot.h's business; here are the calls. The token is a secret and
// appears in nothing that this class gives out.
#pragma once

#include <optional>
#include <string>

#include "daemon/config/secret.h"
#include "daemon/monitor/channel.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

class SlackBotChannel : public Channel {
 public:
  /// `api_url`: "https://slack.com/api". `channel`: "C0123456789" or "#training". `mention` as for a webhook.
  SlackBotChannel(std::string name, Secret token, std::string api_url, std::string channel,
                  std::string mention, HttpTransport& transport);
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {}; }

 private:
  Secret token_;
  std::string api_url_;
  std::string channel_;
  std::string mention_;
  HttpTransport& transport_;
};

}  // namespace redflag::daemon
