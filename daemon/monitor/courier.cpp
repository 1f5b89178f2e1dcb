#include "daemon/monitor/courier.h"

#include <algorithm>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "alerts/message_id.h"
#include "daemon/base/failpoint.h"
#include "daemon/base/log.h"

namespace redflag::daemon {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

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
                 std::vector<std::unique_ptr<Channel>> channels, alerts::Router router)
    : clock_(clock),
      committer_(committer),
      work_(executor),
      dispatcher_(static_cast<std::uint64_t>(clock.now().time_since_epoch().count())),
      channels_(std::move(channels)),
      router_(std::move(router)) {
  for (const auto& channel : channels_) dispatcher_.set_channel(channel->name(), channel->pace());
}

std::vector<alerts::OutboxMessage> Courier::render(const alerts::Notification& notification) const {
  std::vector<alerts::OutboxMessage> messages;
  const std::vector<std::string> wanted = router_.receivers_of(notification);
  for (const auto& channel : channels_) {
    if (std::find(wanted.begin(), wanted.end(), channel->name()) == wanted.end()) continue;
    auto message = channel->render({notification.run.key, {notification}});
    if (!message) continue;
    message->id = alerts::message_id(notification, channel->name());
    message->channel = channel->name();
    message->created = notification.time;
    for (const Transition& transition : notification.transitions) message->alert_ids.push_back(transition.id);
    messages.push_back(std::move(*message));
  }
  return messages;
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
  for (alerts::OutboxMessage& message : dispatcher_.waiting()) commit.messages.push_back(std::move(message));
  for (const auto& [place, value] : receipts_)
    commit.cursors.push_back({std::string(kReceiptSource) + place.first, place.second, value});
}

asio::awaitable<void> Courier::run(Channel& channel) {
  for (;;) {
    const std::uint64_t seen = work_.count();
    const Time now = clock_.now();
    if (std::optional<alerts::OutboxMessage> due = dispatcher_.next(channel.name(), now)) {
      co_await deliver(channel, std::move(*due));
      continue;
    }
    const std::optional<Time> wakeup = dispatcher_.next_wakeup(now);
    if (wakeup) {
      co_await (work_.wait_past(seen) || clock_.sleep(std::max<Duration>(*wakeup - now, 1ms)));
    } else {
      co_await work_.wait_past(seen);
    }
  }
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
    if (!waiting) co_return;
    co_await clock_.sleep(10ms);
  }
}

}  // namespace redflag::daemon
