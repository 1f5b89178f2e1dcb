// Brings messages to their channels. The dispatcher decides what is due, the channel delivers it, and the
// outcome is made durable before the next message of that channel goes: a crash can repeat at most the one in
// flight.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "alerts/outbox/dispatcher.h"
#include "alerts/route.h"
#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/monitor/channel.h"
#include "daemon/monitor/committer.h"
#include "daemon/monitor/intake.h"

namespace redflag::daemon {

class Courier {
 public:
  Courier(asio::any_io_executor executor, Clock& clock, Committer& committer,
          std::vector<std::unique_ptr<Channel>> channels, alerts::Router router);

  /// Forms of a notification for every channel that is to be told.
  std::vector<alerts::OutboxMessage> render(const alerts::Notification& notification) const;

  /// At start: what was kept. Messages of a channel that is no longer configured are reported and stay in the
  /// store.
  void restore(std::vector<alerts::OutboxMessage> kept);
  /// At start: a kept cursor. True when it is a receipt of a channel.
  bool restore_receipt(const CursorUpdate& cursor);
  /// Durable by now: may be sent.
  void enqueue(std::vector<alerts::OutboxMessage> messages);

  /// Where channels that want to hear again of what fires are told from. Before `run`.
  void set_firing(std::function<std::vector<alerts::Notification>()> firing) { firing_ = std::move(firing); }

  /// Delivers to one channel until cancelled. Run one for each.
  asio::awaitable<void> run(Channel& channel);
  /// Waits until nothing is due any more, at most `patience`: for an orderly stop.
  asio::awaitable<void> drain(Duration patience);

  const std::vector<std::unique_ptr<Channel>>& channels() const { return channels_; }
  std::vector<alerts::ChannelHealth> health() const { return dispatcher_.health(clock_.now()); }

 private:
  asio::awaitable<void> deliver(Channel& channel, alerts::OutboxMessage message);
  asio::awaitable<void> refresh(Channel& channel);
  alerts::OutboxMessage settle(Channel& channel, const alerts::OutboxMessage& message,
                               const alerts::Verdict& verdict);

  Clock& clock_;
  Committer& committer_;
  Event work_;
  alerts::Dispatcher dispatcher_;
  std::vector<std::unique_ptr<Channel>> channels_;
  alerts::Router router_;
  std::map<std::pair<std::string, std::string>, std::string> receipts_;  // by channel and key
  std::function<std::vector<alerts::Notification>()> firing_;
  std::map<std::string, std::string> refresh_trouble_;  // by channel; what was logged last
};

}  // namespace redflag::daemon
