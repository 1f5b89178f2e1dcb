// When to send what: the state machine of delivery. It decides, the daemon sends. Nothing here does I/O or
// reads a clock, so an outage of eight hours is a loop in a test.
//
// Rules of the house:
// - A message is given out only after it was enqueued, and leaves only by a verdict: sent, or parked for a
// person.
// - One message at a time per channel, in the order they came. A message that waits for its own retry lets
// others pass.
// - When different messages fail one after another, the channel is down, not the message: it is then probed
// with one message at
//   growing intervals (at most `max_probe_interval`), and when one gets through, all that waited go at once,
//   in order.
// - No wait outlasts its length because the clock was set back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerts/outbox/verdict.h"
#include "alerts/outbox_message.h"

namespace redflag::alerts {

struct DispatcherOptions {
  Duration first_backoff = std::chrono::seconds{1};
  Duration max_backoff = std::chrono::minutes{5};
  Duration max_probe_interval = std::chrono::minutes{1};  ///< of a channel that seems down
  Duration unstated_pause =
      std::chrono::seconds{30};  ///< asked to wait, not told how long; doubles up to max_backoff
  Duration max_pause = std::chrono::hours{1};  ///< whatever the service asks for
  std::uint32_t failures_until_unhealthy = 3;
};

struct ChannelOptions {
  double per_second = 1.0;  ///< Slack: about one a second; <= 0: no limit
  double burst = 4.0;       ///< short bursts allowed
};

struct ChannelHealth {
  std::string channel;
  bool healthy = true;
  Time since;              ///< of the present health; Time{} while nothing was ever tried
  Time last_sent;          ///< Time{}: never since the start
  std::string last_error;  ///< of the present or the last trouble; holds no secret
  std::size_t queued = 0;  ///< the one in flight included
  std::size_t parked = 0;
  Time paused_until;       ///< Time{}: not paused
  bool in_flight = false;  ///< one is being sent
  // Attempts since this dispatcher was made, by what came of them.
  std::uint64_t sent_total = 0;
  std::uint64_t retried_total = 0;  ///< failed or refused in this form; tried again later
  std::uint64_t parked_total = 0;   ///< refused for good
  std::uint64_t dropped_total = 0;  ///< messages, not attempts: by a person, or too old or too many
};

/// Not thread-safe; one owner. Memory: the queued and parked messages, and the ids of the last 4096 sent.
class Dispatcher {
 public:
  /// `seed` feeds the jitter; the same seed and calls give the same waits.
  explicit Dispatcher(std::uint64_t seed, DispatcherOptions options = {});
  ~Dispatcher();
  Dispatcher(Dispatcher&&) noexcept;
  Dispatcher& operator=(Dispatcher&&) noexcept;

  /// Makes the channel known or changes its rate. A message for a channel never named gets the default
  /// options.
  void set_channel(const std::string& name, ChannelOptions options);

  /// At start: the kept records, in the order they were made. Queued ones are sent again (a send whose
  /// verdict was lost is repeated: at least once), parked ones counted, sent ones remembered by id.
  void restore(std::vector<OutboxMessage> kept);

  /// A form of this message is being made durable: until `enqueue` has brought it, it is not given out. False
  /// when it cannot be changed any more (in flight, sent, parked); then nothing is held.
  bool hold(const std::string& id);
  /// That form will not come after all.
  void release(const std::string& id);

  /// Takes a queued message, once it is durable. A later revision replaces what is queued under its id; each
  /// call ends one `hold`. False, and nothing happens, when the id is known (queued,
  /// parked, or among the last ones sent).
  bool enqueue(OutboxMessage message);

  /// Drops a message that is queued or parked, not in flight. nullopt when there is no such one.
  std::optional<OutboxMessage> drop(const std::string& id);

  /// A person wants it tried now: what is queued need not wait, what is parked is queued again. The record to
  /// keep; nullopt when there is no such message, or it is in flight.
  std::optional<OutboxMessage> retry(const std::string& id);

  /// What has waited for too long or is too much for its channel: parked ones first, then the oldest.
  /// Records, to be kept as dropped. What is in flight stays.
  std::vector<OutboxMessage> expire(Time now, Duration max_age, std::size_t max_messages);

  /// Queued and parked, the oldest first of each channel.
  struct Held {
    OutboxMessage message;
    bool in_flight = false;
  };
  std::vector<Held> messages() const;

  /// The message to send now, which is then in flight until `on_verdict`; nullopt when none may be sent at
  /// this moment. A caller whose attempt was cut short must give a verdict too (a transport error), or the
  /// channel stays busy.
  std::optional<OutboxMessage> next(const std::string& channel, Time now);
  /// Of any channel; the channels take turns.
  std::optional<OutboxMessage> next(Time now);

  /// What came of the message in flight. Returns its record, to be persisted: sent, parked, or queued with
  /// `not_before` (and the fallback in place of the payload when the form was refused). nullopt when no such
  /// message is in flight.
  std::optional<OutboxMessage> on_verdict(const std::string& id, const Verdict& verdict, Time now);

  /// When `next` is worth calling again (never before `now`); nullopt when only a new message or a verdict
  /// can change anything.
  std::optional<Time> next_wakeup(Time now);

  /// Every channel, by name.
  std::vector<ChannelHealth> health(Time now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace redflag::alerts
