// The daemon's own log: one line an announcement, text or JSON as the log is.
#pragma once

#include <optional>
#include <string>

#include "daemon/monitor/channel.h"

namespace redflag::daemon {

class LogChannel : public Channel {
 public:
  using Channel::Channel;
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  void add_remark(alerts::OutboxMessage& message, const std::string& remark) const override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {.per_second = 0, .burst = 0}; }
  bool local() const override { return true; }
  bool groups() const override { return false; }
};

}  // namespace redflag::daemon
