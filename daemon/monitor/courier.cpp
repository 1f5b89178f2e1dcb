#include "daemon/monitor/courier.h"

#include <algorithm>
#include <unordered_map>

#include "alerts/group.h"
#include "alerts/message_id.h"
#include "daemon/base/failpoint.h"
#include "daemon/base/log.h"
#include "daemon/base/timed.h"

namespace redflag::daemon {

using namespace std::chrono_literals;

namespace {

/// Receipts are kept as cursors: small durable values by source and key.
constexpr std::string_view kReceiptSource = "receipt:";

class ChannelReceipts : public alerts::Receipts {
 public:
  using Map = std::map<std::pair<std::string, std::string>, std::string>;
  ChannelReceipts(const Map& all, const std::string& channel) : all_(all), channel_(channel) {}
  std::optional<std::string> find(const std::string& key) const override {
    const auto found = all_.find({channel_, key});
    return found == all_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  const Map& all_;
  const std::string& channel_;
};

}  // namespace

Courier::Courier(asio::any_io_executor executor, Clock& clock, Committer& committer,
                 std::vector<std::unique_ptr<Channel>> channels, alerts::Router router,
                 CourierOptions options)
    : clock_(clock),
      committer_(committer),
      work_(executor),
      dispatcher_(static_cast<std::uint64_t>(clock.now().time_since_epoch().count())),
      channels_(std::move(channels)),
      router_(std::move(router)),
      options_(options),
      grouper_(options.grouping) {
  for (const auto& channel : channels_) dispatcher_.set_channel(channel->name(), channel->pace());
}

std::vector<Courier::Form> Courier::plan(const std::vector<alerts::Notification>& notifications) {
  std::vector<std::vector<std::string>> wanted;
  wanted.reserve(notifications.size());
  for (const alerts::Notification& n : notifications) wanted.push_back(router_.receivers_of(n));
  std::vector<Form> forms;
  for (const auto& channel : channels_) {
    std::vector<const alerts::Notification*> told;
    for (std::size_t i = 0; i < notifications.size(); ++i) {
      const bool to_be_told =
          std::find(wanted[i].begin(), wanted[i].end(), channel->name()) != wanted[i].end();
      if (to_be_told) told.push_back(&notifications[i]);
    }
    if (channel->groups()) {
      plan_groups(*channel, told, forms);
    } else {
      for (const alerts::Notification* n : told) forms.push_back({channel.get(), n, {}});
    }
  }
  return forms;
}

void Courier::plan_groups(const Channel& channel, const std::vector<const alerts::Notification*>& told,
                          std::vector<Form>& forms) {
  const Time now = clock_.now();
  std::unordered_map<std::string, std::size_t> known;  // by message: its form, in the order of the first
  for (const alerts::Notification* n : told) {
    // Each message is held once for all that joins it here: one commit brings its form.
    auto place =
        grouper_.add(channel.name(), *n, alerts::message_id(*n, channel.name()), now,
                     [&](const std::string& id) { return known.contains(id) || dispatcher_.hold(id); });
    if (const auto old = known.find(place.id); old != known.end()) {
      forms[old->second].place = std::move(place);
    } else {
      known.emplace(place.id, forms.size());
      forms.push_back({&channel, nullptr, std::move(place)});
    }
  }
}

std::optional<alerts::OutboxMessage> Courier::render(const Form& form) {
  if (form.alone != nullptr) {
    const alerts::NotificationGroup alone{alerts::group_key(*form.alone), {*form.alone}};
    auto message = form.channel->render(alone);
    if (!message) return message;
    message->id = alerts::message_id(*form.alone, form.channel->name());
    message->channel = form.channel->name();
    message->created = clock_.now();
    message->alert_ids = alerts::alert_ids_of(alone);
    return message;
  }
  const alerts::Grouper::Place& place = form.place;
  auto message = form.channel->render(*place.group);
  if (!message) {
    dispatcher_.release(place.id);
    return message;
  }
  message->id = place.id;
  message->channel = form.channel->name();
  message->created = place.created;
  message->revision = place.revision;
  message->not_before = place.due;
  message->alert_ids = alerts::alert_ids_of(*place.group);
  return message;
}

bool Courier::restore_receipt(const CursorUpdate& cursor) {
  if (!cursor.source.starts_with(kReceiptSource)) return false;
  receipts_[{cursor.source.substr(kReceiptSource.size()), cursor.key}] = cursor.value;
  return true;
}

void Courier::restore(std::vector<alerts::OutboxMessage> kept) {
  const auto unknown = [this](const alerts::OutboxMessage& message) {
    return std::none_of(channels_.begin(), channels_.end(),
                        [&](const auto& c) { return c->name() == message.channel; });
  };
  const auto homeless =
      std::stable_partition(kept.begin(), kept.end(), [&](const auto& m) { return !unknown(m); });
  if (homeless != kept.end()) {
    log_warning(
        "alert",
        "{} kept message(s) are for receivers that are no longer configured ({}, …); they stay in the store",
        kept.end() - homeless, homeless->channel);
    kept.erase(homeless, kept.end());
  }
  dispatcher_.restore(std::move(kept));
  work_.set();
}

void Courier::enqueue(std::vector<alerts::OutboxMessage> messages) {
  if (messages.empty()) return;
  for (alerts::OutboxMessage& message : messages) dispatcher_.enqueue(std::move(message));
  work_.set();
}

void Courier::add_everything(Commit& commit) const {
  for (alerts::Dispatcher::Held& held : dispatcher_.messages())
    commit.messages.push_back(std::move(held.message));
  for (const auto& [place, value] : receipts_)
    commit.cursors.push_back({std::string(kReceiptSource) + place.first, place.second, value});
}

asio::awaitable<void> Courier::run(Channel& channel) {
  const std::optional<Duration> every = firing_ ? channel.refresh_every() : std::nullopt;
  Duration refresh_at = clock_.monotonic();
  for (;;) {
    // Between two messages, never beside one: else an alert that has just ended could be revived.
    if (every && clock_.monotonic() >= refresh_at) {
      refresh_at = clock_.monotonic() + *every;
      co_await refresh(channel);
    }
    const std::uint64_t seen = work_.count();
    const Time now = clock_.now();
    ++pulses_[channel.name()].rounds;
    if (std::optional<alerts::OutboxMessage> due = dispatcher_.next(channel.name(), now)) {
      co_await deliver(channel, std::move(*due));
      continue;
    }
    std::optional<Duration> wait;
    if (const std::optional<Time> wakeup = dispatcher_.next_wakeup(now)) wait = *wakeup - now;
    if (every) wait = std::min(wait.value_or(*every), refresh_at - clock_.monotonic());
    if (wait) {
      co_await timed(clock_, std::max<Duration>(*wait, 1ms), work_.wait_past(seen));
    } else {
      co_await work_.wait_past(seen);
    }
  }
}

asio::awaitable<void> Courier::refresh(Channel& channel) {
  std::vector<alerts::Notification> firing = firing_();
  std::erase_if(firing, [&](const alerts::Notification& notification) {
    const std::vector<std::string> wanted = router_.receivers_of(notification);
    return std::find(wanted.begin(), wanted.end(), channel.name()) == wanted.end();
  });
  if (firing.empty()) co_return;
  const std::optional<alerts::OutboxMessage> message = channel.refresh(firing);
  if (!message) co_return;
  const alerts::SinkAnswer answer =
      co_await channel.deliver(*message, ChannelReceipts(receipts_, channel.name()));
  const alerts::Verdict verdict = channel.judge(answer, clock_.now());
  std::string& told = refresh_trouble_[channel.name()];
  const std::string trouble = verdict.outcome == alerts::Outcome::sent ? std::string() : verdict.reason;
  if (trouble != told && !trouble.empty())
    log_warning("alert", "{} cannot be kept told of the {} alert(s) that fire: {}", channel.name(),
                firing.size(), trouble);
  if (trouble != told && trouble.empty()) log_info("alert", "{} is told again of what fires", channel.name());
  told = trouble;
}

asio::awaitable<void> Courier::deliver(Channel& channel, alerts::OutboxMessage message) {
  Commit outcome;
  // What is local costs nothing to repeat and cannot block: all that waits is done under one commit.
  for (;;) {
    failpoint("before-send");
    alerts::SinkAnswer answer;
    alerts::OutboxMessage form = message;
    if (form.undurable && committer_.undurable()) channel.add_remark(form, committer_.undurable_words());
    try {
      answer = co_await channel.deliver(form, ChannelReceipts(receipts_, channel.name()));
    } catch (...) {
      alerts::Verdict cut;
      cut.reason = "stopped while sending";
      (void)dispatcher_.on_verdict(message.id, cut, clock_.now());
      throw;
    }
    failpoint("after-send");
    outcome.messages.push_back(settle(channel, message, channel.judge(answer, clock_.now())));
    for (auto& [key, value] : answer.receipts) {
      outcome.cursors.push_back({std::string(kReceiptSource) + channel.name(), key, value});
      if (value.empty()) {
        receipts_.erase({channel.name(), key});
      } else {
        receipts_[{channel.name(), key}] = std::move(value);
      }
    }
    if (outcome.messages.size() >= channel.outcomes_per_commit()) break;
    std::optional<alerts::OutboxMessage> next = dispatcher_.next(channel.name(), clock_.now());
    if (!next) break;
    message = std::move(*next);
  }
  failpoint("after-verdict");
  work_.set();  // a verdict can make other messages due
  co_await committer_.submit(std::move(outcome));
  failpoint("after-answer");
}

alerts::OutboxMessage Courier::settle(Channel& channel, const alerts::OutboxMessage& message,
                                      const alerts::Verdict& verdict) {
  std::optional<alerts::OutboxMessage> record = dispatcher_.on_verdict(message.id, verdict, clock_.now());
  if (!record) return message;
  if (record->state == alerts::MessageState::parked) {
    log_error("alert", "{} refused message {} for good: {}; it is kept, mend the receiver and retry it",
              channel.name(), message.id, verdict.reason);
  } else if (record->state == alerts::MessageState::queued) {
    log_warning("alert", "{} did not take message {} (attempt {}): {}; next try {}", channel.name(),
                message.id, record->attempts, verdict.reason, to_rfc3339(record->not_before));
  }
  return std::move(*record);
}

asio::awaitable<void> Courier::drain(Duration patience) {
  const Duration deadline = clock_.monotonic() + patience;
  while (clock_.monotonic() < deadline) {
    const Time now = clock_.now();
    const std::vector<alerts::ChannelHealth> all = dispatcher_.health(now);
    const bool waiting =
        std::any_of(all.begin(), all.end(), [](const auto& c) { return c.queued > 0 && c.healthy; });
    const bool flying = std::any_of(all.begin(), all.end(), [](const auto& c) { return c.in_flight; });
    // What is due later goes out after the next start.
    const std::optional<Time> due = dispatcher_.next_wakeup(now);
    const bool soon = due && *due - now < deadline - clock_.monotonic();
    if (!waiting || (!flying && !soon)) co_return;
    co_await clock_.sleep(10ms);
  }
}

}  // namespace redflag::daemon
