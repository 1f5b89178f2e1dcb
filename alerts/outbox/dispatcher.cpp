#include "alerts/outbox/dispatcher.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "alerts/outbox/backoff.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kRememberSent = 4096;

using Sequence = std::uint64_t;

struct Channel {
  explicit Channel(ChannelOptions options) : bucket(options.per_second, options.burst) {}
  std::map<Sequence, OutboxMessage> queue;  // in the order they came
  std::optional<Sequence> in_flight;
  TokenBucket bucket;
  Time paused_until;
  std::map<std::string, OutboxMessage> parked;
  // How it goes.
  bool healthy = true;
  Time since;
  Time last_sent;
  std::string last_error;
  std::uint32_t failures = 0;         // attempts without success in a row
  std::uint32_t streak = 0;           // of them, those that struck another message than the one before
  std::string last_failed;            // id
  std::uint32_t unstated_pauses = 0;  // in a row
  std::uint64_t sent_total = 0;
  std::uint64_t retried_total = 0;
  std::uint64_t parked_total = 0;
  std::uint64_t dropped_total = 0;
};

}  // namespace

struct Dispatcher::Impl {
  struct Place {
    std::string channel;
    Sequence sequence;
  };

  Impl(std::uint64_t seed, DispatcherOptions wanted) : options(wanted), random(seed) {}

  DispatcherOptions options;
  std::mt19937_64 random;
  std::map<std::string, Channel> channels;
  std::unordered_map<std::string, Place> queued;  // by message id
  std::unordered_set<std::string> sent;
  std::deque<std::string> sent_order;
  Sequence next_sequence = 1;
  std::string last_served;  // channel
  Time last_now;
  std::unordered_map<std::string, int> holds;  // by message id: forms on their way to the store
  bool waits_unchecked = false;                // restored waits may be of a clock that was wrong

  Channel& channel(const std::string& name) {
    return channels.try_emplace(name, ChannelOptions{}).first->second;
  }

  void remember_sent(const std::string& id) {
    if (!sent.insert(id).second) return;
    sent_order.push_back(id);
    if (sent_order.size() > kRememberSent) {
      sent.erase(sent_order.front());
      sent_order.pop_front();
    }
  }

  void release(const std::string& id) {
    const auto held = holds.find(id);
    if (held != holds.end() && --held->second == 0) holds.erase(held);
  }

  /// A later revision of what waits: in its place, with what became of it so far.
  bool revise(const Place& place, OutboxMessage message) {
    Channel& c = channel(place.channel);
    OutboxMessage& old = c.queue.at(place.sequence);
    if (message.revision <= old.revision || c.in_flight == place.sequence) return false;
    message.attempts = old.attempts;
    message.last_error = old.last_error;
    message.not_before = old.attempts == 0 ? message.not_before : old.not_before;
    message.state = MessageState::queued;
    old = std::move(message);
    return true;
  }

  bool add(OutboxMessage message) {
    if (const auto old = queued.find(message.id); old != queued.end())
      return revise(old->second, std::move(message));
    if (sent.contains(message.id)) return false;
    Channel& target = channel(message.channel);
    if (target.parked.contains(message.id)) return false;
    message.state = MessageState::queued;
    if (message.not_before != Time{}) waits_unchecked = true;
    queued.emplace(message.id, Place{message.channel, next_sequence});
    target.queue.emplace(next_sequence++, std::move(message));
    return true;
  }

  /// Every wait is kept as a point in time. When the clock is set back, all of them move with it.
  void observe(Time now) {
    if (now < last_now) {
      const Duration by = last_now - now;
      for (auto& [name, c] : channels) {
        c.bucket.clock_went_back(by);
        if (c.paused_until != Time{}) c.paused_until -= by;
        for (auto& [sequence, message] : c.queue) {
          if (message.not_before != Time{}) message.not_before -= by;
        }
      }
    }
    last_now = now;
    if (!waits_unchecked) return;
    waits_unchecked = false;
    for (auto& [name, c] : channels) {
      for (auto& [sequence, message] : c.queue)
        message.not_before = std::min(message.not_before, now + options.max_backoff);
    }
  }

  std::optional<OutboxMessage> take(const std::string& name, Channel& c, Time now) {
    if (c.in_flight || c.paused_until > now) return std::nullopt;
    const auto ready = std::find_if(c.queue.begin(), c.queue.end(), [&](const auto& entry) {
      return entry.second.not_before <= now && !holds.contains(entry.second.id);
    });
    if (ready == c.queue.end() || !c.bucket.take(now)) return std::nullopt;
    c.in_flight = ready->first;
    if (c.since == Time{}) c.since = now;
    last_served = name;
    return ready->second;
  }

  std::optional<Time> wakeup(const Channel& c, Time now) const {
    if (c.in_flight || c.queue.empty()) return std::nullopt;
    Time ready = Time::max();
    for (const auto& [sequence, message] : c.queue) {
      if (holds.contains(message.id)) continue;  // its form will come, and with it a new wakeup
      ready = std::min(ready, message.not_before);
      if (ready <= now) break;
    }
    if (ready == Time::max()) return std::nullopt;
    return std::max({ready, c.paused_until, c.bucket.ready_at(now), now});
  }

  void turn(Channel& c, bool healthy, Time now) {
    if (c.healthy != healthy) c.since = now;
    c.healthy = healthy;
  }

  void pause(Channel& c, Duration length, Time now) {
    c.paused_until = std::max(c.paused_until, now + length);
  }

  void on_success(Channel& c, Time now) {
    // It was down: what failed meanwhile need not wait for its own turn.
    if (c.streak >= 2) {
      for (auto& [sequence, message] : c.queue) message.not_before = Time{};
    }
    c.failures = 0;
    c.streak = 0;
    c.unstated_pauses = 0;
    c.last_failed.clear();
    c.paused_until = Time{};
    c.last_sent = now;
    turn(c, true, now);
  }

  void on_failure(Channel& c, OutboxMessage& message, const Verdict& verdict, Time now) {
    ++c.failures;
    if (c.failures >= options.failures_until_unhealthy) turn(c, false, now);
    if (verdict.pauses_channel) {
      Duration length{};
      if (verdict.retry_after) {
        length = std::clamp(*verdict.retry_after, options.first_backoff, options.max_pause);
      } else {
        ++c.unstated_pauses;
        length = options.unstated_pause;
        for (std::uint32_t i = 1; i < c.unstated_pauses && length < options.max_backoff; ++i) length *= 2;
        length = std::min(length, std::max(options.max_backoff, options.unstated_pause));
      }
      pause(c, length, now);
      message.not_before = now + length;
      return;
    }
    if (message.id != c.last_failed) ++c.streak;
    c.last_failed = message.id;
    if (c.streak >= 2) {
      pause(c, backoff(c.streak - 1, options.first_backoff, options.max_probe_interval, random), now);
    }
    const Duration own = backoff(message.attempts, options.first_backoff, options.max_backoff, random);
    message.not_before = now + std::max(own, std::min(verdict.retry_after.value_or(own), options.max_pause));
  }

  void park(Channel& c, OutboxMessage& message, Time now) {
    message.state = MessageState::parked;
    ++c.parked_total;
    message.not_before = Time{};
    c.parked.insert_or_assign(message.id, message);
    turn(c, false, now);
  }
};

Dispatcher::Dispatcher(std::uint64_t seed, DispatcherOptions options)
    : impl_(std::make_unique<Impl>(seed, options)) {}
Dispatcher::~Dispatcher() = default;
Dispatcher::Dispatcher(Dispatcher&&) noexcept = default;
Dispatcher& Dispatcher::operator=(Dispatcher&&) noexcept = default;

void Dispatcher::set_channel(const std::string& name, ChannelOptions options) {
  impl_->channel(name).bucket = TokenBucket(options.per_second, options.burst);
}

void Dispatcher::restore(std::vector<OutboxMessage> kept) {
  for (OutboxMessage& message : kept) {
    switch (message.state) {
      case MessageState::queued:
        impl_->add(std::move(message));
        break;
      case MessageState::parked: {
        auto& parked = impl_->channel(message.channel).parked;
        std::string id = message.id;
        parked.insert_or_assign(std::move(id), std::move(message));
        break;
      }
      case MessageState::sent:
      case MessageState::dropped:
        impl_->remember_sent(message.id);
        break;
    }
  }
}

bool Dispatcher::hold(const std::string& id) {
  if (impl_->sent.contains(id)) return false;
  if (const auto place = impl_->queued.find(id); place != impl_->queued.end()) {
    if (impl_->channel(place->second.channel).in_flight == place->second.sequence) return false;
  } else {
    for (const auto& [name, c] : impl_->channels) {
      if (c.parked.contains(id)) return false;
    }
  }
  ++impl_->holds[id];
  return true;
}

void Dispatcher::release(const std::string& id) {
  impl_->release(id);
}

bool Dispatcher::enqueue(OutboxMessage message) {
  impl_->release(message.id);
  return impl_->add(std::move(message));
}

std::optional<OutboxMessage> Dispatcher::drop(const std::string& id) {
  std::optional<OutboxMessage> dropped;
  if (const auto found = impl_->queued.find(id); found != impl_->queued.end()) {
    Channel& c = impl_->channel(found->second.channel);
    if (c.in_flight == found->second.sequence) return std::nullopt;
    const auto entry = c.queue.find(found->second.sequence);
    dropped = std::move(entry->second);
    c.queue.erase(entry);
    ++c.dropped_total;
    impl_->queued.erase(found);
  }
  for (auto& [name, c] : impl_->channels) {
    const auto parked = c.parked.find(id);
    if (parked == c.parked.end()) continue;
    dropped = std::move(parked->second);
    c.parked.erase(parked);
    ++c.dropped_total;
  }
  if (!dropped) return std::nullopt;
  dropped->state = MessageState::dropped;
  impl_->remember_sent(id);
  return dropped;
}

std::optional<OutboxMessage> Dispatcher::retry(const std::string& id) {
  if (const auto found = impl_->queued.find(id); found != impl_->queued.end()) {
    Channel& c = impl_->channel(found->second.channel);
    if (c.in_flight == found->second.sequence) return std::nullopt;
    OutboxMessage& message = c.queue.at(found->second.sequence);
    message.not_before = Time{};
    c.paused_until = Time{};
    return message;
  }
  for (auto& [name, c] : impl_->channels) {
    const auto parked = c.parked.find(id);
    if (parked == c.parked.end()) continue;
    OutboxMessage message = std::move(parked->second);
    c.parked.erase(parked);
    message.state = MessageState::queued;
    message.not_before = Time{};
    c.paused_until = Time{};
    impl_->add(message);
    return message;
  }
  return std::nullopt;
}

std::vector<OutboxMessage> Dispatcher::expire(Time now, Duration max_age, std::size_t max_messages) {
  std::vector<std::string> ids;
  for (const auto& [name, c] : impl_->channels) {
    std::size_t over =
        c.queue.size() + c.parked.size() > max_messages ? c.queue.size() + c.parked.size() - max_messages : 0;
    const auto look_at = [&](const OutboxMessage& message) {
      if (over == 0 && now - message.created < max_age) return;
      if (over > 0) --over;
      ids.push_back(message.id);
    };
    for (const auto& [id, message] : c.parked) look_at(message);
    for (const auto& [sequence, message] : c.queue) {
      if (c.in_flight != sequence && !impl_->holds.contains(message.id)) look_at(message);
    }
  }
  std::vector<OutboxMessage> dropped;
  for (const std::string& id : ids) {
    if (auto message = drop(id)) dropped.push_back(std::move(*message));
  }
  return dropped;
}

std::vector<Dispatcher::Held> Dispatcher::messages() const {
  std::vector<Held> all;
  for (const auto& [name, c] : impl_->channels) {
    for (const auto& [id, message] : c.parked) all.push_back({message, false});
    for (const auto& [sequence, message] : c.queue) all.push_back({message, c.in_flight == sequence});
  }
  return all;
}

std::optional<OutboxMessage> Dispatcher::next(const std::string& channel, Time now) {
  impl_->observe(now);
  const auto found = impl_->channels.find(channel);
  return found == impl_->channels.end() ? std::nullopt : impl_->take(found->first, found->second, now);
}

std::optional<OutboxMessage> Dispatcher::next(Time now) {
  impl_->observe(now);
  auto& channels = impl_->channels;
  auto turn = channels.upper_bound(impl_->last_served);
  for (std::size_t i = 0; i < channels.size(); ++i, ++turn) {
    if (turn == channels.end()) turn = channels.begin();
    if (auto message = impl_->take(turn->first, turn->second, now)) return message;
  }
  return std::nullopt;
}

std::optional<OutboxMessage> Dispatcher::on_verdict(const std::string& id, const Verdict& verdict, Time now) {
  impl_->observe(now);
  const auto place = impl_->queued.find(id);
  if (place == impl_->queued.end()) return std::nullopt;
  Channel& c = impl_->channel(place->second.channel);
  if (c.in_flight != place->second.sequence) return std::nullopt;
  c.in_flight.reset();
  const auto entry = c.queue.find(place->second.sequence);
  OutboxMessage& message = entry->second;
  ++message.attempts;
  message.last_error = verdict.reason;
  if (verdict.outcome != Outcome::sent) c.last_error = verdict.reason;

  switch (verdict.outcome) {
    case Outcome::retry:
      ++c.retried_total;
      impl_->on_failure(c, message, verdict, now);
      return message;
    case Outcome::form_refused:
      if (message.fallback.empty()) {
        impl_->park(c, message, now);
        break;
      }
      ++c.retried_total;
      message.payload = std::move(message.fallback);
      message.fallback.clear();
      message.not_before = Time{};
      return message;
    case Outcome::permanent:
      impl_->park(c, message, now);
      break;
    case Outcome::sent:
      ++c.sent_total;
      message.state = MessageState::sent;
      // What it said is with its alerts; the record is kept so that it is not announced again.
      std::string().swap(message.payload);
      std::string().swap(message.fallback);
      message.not_before = Time{};
      impl_->remember_sent(id);
      impl_->on_success(c, now);
      break;
  }
  OutboxMessage done = std::move(message);
  c.queue.erase(entry);
  impl_->queued.erase(place);
  return done;
}

std::optional<Time> Dispatcher::next_wakeup(Time now) {
  impl_->observe(now);
  std::optional<Time> earliest;
  for (const auto& [name, c] : impl_->channels) {
    const auto wakeup = impl_->wakeup(c, now);
    if (wakeup && (!earliest || *wakeup < *earliest)) earliest = wakeup;
  }
  return earliest;
}

std::vector<ChannelHealth> Dispatcher::health(Time now) const {
  std::vector<ChannelHealth> all;
  for (const auto& [name, c] : impl_->channels) {
    ChannelHealth health{name,
                         c.healthy,
                         c.since,
                         c.last_sent,
                         c.last_error,
                         c.queue.size(),
                         c.parked.size(),
                         Time{},
                         c.in_flight.has_value(),
                         c.sent_total,
                         c.retried_total,
                         c.parked_total,
                         c.dropped_total};
    if (c.paused_until > now) health.paused_until = c.paused_until;
    all.push_back(std::move(health));
  }
  return all;
}

}  // namespace redflag::alerts
