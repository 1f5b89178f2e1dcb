// A receiver of alerts as the daemon drives it: gives what is announced its form, delivers it, and reads the
// answer. Whether it is told at all is the router's business (alerts/route.h). Those that there are:
// daemon/channels.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "alerts/alert.h"
#include "alerts/outbox/dispatcher.h"
#include "alerts/outbox/verdict.h"
#include "alerts/outbox_message.h"
#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

class Channel {
 public:
  explicit Channel(std::string name) : name_(std::move(name)) {}
  virtual ~Channel() = default;
  const std::string& name() const { return name_; }

  /// The message for the outbox, without its id, channel and times. nullopt: nothing to say here.
  virtual std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const = 0;
  /// One attempt. Cancellable; an exception counts as no answer.
  virtual asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                                      const alerts::Receipts& receipts) = 0;
  /// Adds a line that a reader sees to what is about to be delivered: "not kept: redflag's disk is full". A
  /// form without place for it may leave it out.
  virtual void add_remark(alerts::OutboxMessage& message, const std::string& remark) const {
    (void)message, (void)remark;
  }
  virtual alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const = 0;
  virtual alerts::ChannelOptions pace() const = 0;
  /// Delivery is local and cannot block: many messages may share one commit.
  virtual bool local() const { return false; }
  /// So many outcomes at most are kept by one commit; as many messages may be delivered twice by a crash.
  /// More than one makes sense only where one takes hundreds a second.
  virtual std::size_t outcomes_per_commit() const { return local() ? 512 : 1; }
  /// A burst of one run is one message; else each announcement is one.
  virtual bool groups() const { return true; }
  /// How often this receiver wants to hear again of everything that fires; nullopt: never.
  virtual std::optional<Duration> refresh_every() const { return std::nullopt; }
  /// What it is told then: delivered once and not kept, the next one makes up for one that failed. `firing`:
  /// all alerts that fire, are not muted, and go to this receiver. nullopt: nothing to say.
  virtual std::optional<alerts::OutboxMessage> refresh(
      const std::vector<alerts::Notification>& firing) const {
    (void)firing;
    return std::nullopt;
  }

 private:
  std::string name_;
};

}  // namespace redflag::daemon
