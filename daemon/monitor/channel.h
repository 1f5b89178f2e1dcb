// A receiver of alerts as the daemon drives it: gives a notification its form, delivers it, and reads the
// answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "alerts/alert.h"
#include "alerts/outbox/dispatcher.h"
#include "alerts/outbox/verdict.h"
#include "alerts/outbox_message.h"
#include "daemon/base/clock.h"
#include "daemon/config/secret.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

class Channel {
 public:
  explicit Channel(std::string name) : name_(std::move(name)) {}
  virtual ~Channel() = default;
  const std::string& name() const { return name_; }

  /// nullopt: not for this receiver (below its severity).
  virtual std::optional<alerts::OutboxMessage> render(const alerts::Notification& notification) const = 0;
  virtual asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message) = 0;
  virtual alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const = 0;
  virtual alerts::ChannelOptions pace() const = 0;
  /// Delivery is local and cannot block: many messages may share one commit.
  virtual bool local() const { return false; }

 private:
  std::string name_;
};

/// A Slack incoming webhook. The URL is a secret and appears in nothing that this class gives out.
class SlackChannel : public Channel {
 public:
  /// `mention` ("<!here>", "<@U012345>") goes in front of critical alerts when they fire; empty for none.
  SlackChannel(std::string name, Secret webhook, Severity min_severity, std::string mention,
               HttpTransport& transport);
  std::optional<alerts::OutboxMessage> render(const alerts::Notification& notification) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {}; }

 private:
  Secret webhook_;
  Severity min_severity_;
  std::string mention_;
  HttpTransport& transport_;
};

/// The daemon's own log: one line an announcement, text or JSON as the log is.
class LogChannel : public Channel {
 public:
  LogChannel(std::string name, Severity min_severity)
      : Channel(std::move(name)), min_severity_(min_severity) {}
  std::optional<alerts::OutboxMessage> render(const alerts::Notification& notification) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {.per_second = 0, .burst = 0}; }
  bool local() const override { return true; }

 private:
  Severity min_severity_;
};

}  // namespace redflag::daemon
