// A Slack incoming webhook. The URL is a secret and appears in nothing that this class gives out.
#pragma once

#include <optional>
#include <string>

#include "daemon/config/secret.h"
#include "daemon/monitor/channel.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

class SlackChannel : public Channel {
 public:
  /// `mention` ("<!here>", "<@U012345>") goes in front of critical alerts when they fire; empty for none.
  SlackChannel(std::string name, Secret webhook, std::string mention, HttpTransport& transport);
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  void add_remark(alerts::OutboxMessage& message, const std::string& remark) const override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {}; }

 private:
  Secret webhook_;
  std::string mention_;
  HttpTransport& transport_;
};

}  // namespace redflag::daemon
