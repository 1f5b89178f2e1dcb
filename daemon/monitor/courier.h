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

#include "alerts/grouper.h"
#include "alerts/outbox/dispatcher.h"
#include "alerts/route.h"
#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/monitor/channel.h"
#include "daemon/monitor/committer.h"
#include "daemon/monitor/intake.h"
#include "daemon/monitor/operations.h"

namespace redflag::daemon {

struct CourierOptions {
  alerts::GroupOptions grouping;
  Duration queue_max_age =
      std::chrono::hours{24 * 7};           ///< what has waited for longer is dropped, and said to be
  std::size_t queue_max_messages = 10'000;  ///< of one channel
};

class Courier {
 public:
  Courier(asio::any_io_executor executor, Clock& clock, Committer& committer,
          std::vector<std::unique_ptr<Channel>> channels, alerts::Router router, CourierOptions options = {});

  /// A message that is still to be given its form: a new one, or one that still waits with more in it.
  struct Form {
    const Channel* channel = nullptr;
    const alerts::Notification* alone = nullptr;  ///< of those that were given to `plan`; else
    alerts::Grouper::Place place;                 ///< with what it is told together

    std::size_t parts() const { return alone != nullptr ? 1 : place.group->parts.size(); }
  };
  /// Who is told what, and together with what. Then `render` every form, commit them all, and `enqueue` them
  /// all: until then what they change is kept back. Between plan and the last render no other plan that has
  /// anything about an alert: groups grow.
  std::vector<Form> plan(const std::vector<alerts::Notification>& notifications);
  /// nullopt: that channel has nothing to say of it.
  std::optional<alerts::OutboxMessage> render(const Form& form);

  /// At start: what was kept. Messages of a channel that is no longer configured are reported and stay in the
  /// store.
  void restore(std::vector<alerts::OutboxMessage> kept);
  /// At start: a kept cursor. True when it is a receipt of a channel.
  bool restore_receipt(const CursorUpdate& cursor);
  /// Durable by now: may be sent.
  void enqueue(std::vector<alerts::OutboxMessage> messages);

  /// Messages that wait, and receipts, for a store that lost what it had.
  void add_everything(Commit& commit) const;
  /// Where channels that want to hear again of what fires are told from. Before `run`.
  void set_firing(std::function<std::vector<alerts::Notification>()> firing) { firing_ = std::move(firing); }

  /// Delivers to one channel until cancelled. Run one for each.
  asio::awaitable<void> run(Channel& channel);
  /// Waits until nothing is due any more, at most `patience`: for an orderly stop.
  asio::awaitable<void> drain(Duration patience);

  /// What still waits, and what was parked.
  std::vector<OutboxEntry> outbox() const;
  /// See Operations.
  asio::awaitable<Result<std::size_t>> retry(std::vector<std::string> ids);
  asio::awaitable<Result<std::size_t>> drop(std::vector<std::string> ids);
  /// Drops what is too old or too much; gives what it was.
  asio::awaitable<std::vector<alerts::OutboxMessage>> expire();

  /// A channel that has had something to send for minutes and has not tried, in words; empty: none. Ask every
  /// few seconds; `monotonic` is the clock's.
  std::string stuck(Duration monotonic);

  const alerts::Router& router() const { return router_; }
  const std::vector<std::unique_ptr<Channel>>& channels() const { return channels_; }
  std::vector<alerts::ChannelHealth> health() const { return dispatcher_.health(clock_.now()); }

 private:
  Result<std::vector<std::string>> chosen(std::vector<std::string> ids) const;
  void plan_groups(const Channel& channel, const std::vector<const alerts::Notification*>& told,
                   std::vector<Form>& forms);
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
  CourierOptions options_;
  alerts::Grouper grouper_;
  struct Pulse {
    std::uint64_t rounds = 0;  // of its loop
    std::uint64_t seen = 0;    // when `stuck` last saw it move, or have nothing to do
    Duration since{};          // monotonic
  };
  std::map<std::string, Pulse> pulses_;                                  // by channel
  std::map<std::pair<std::string, std::string>, std::string> receipts_;  // by channel and key
  std::function<std::vector<alerts::Notification>()> firing_;
  std::map<std::string, std::string> refresh_trouble_;  // by channel; what was logged last
};

}  // namespace redflag::daemon
