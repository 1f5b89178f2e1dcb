// The queue as people see it, and its upkeep.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/base/log.h"
#include "daemon/monitor/courier.h"

namespace redflag::daemon {

std::vector<OutboxEntry> Courier::outbox() const {
  std::vector<OutboxEntry> all;
  for (alerts::Dispatcher::Held& held : dispatcher_.messages())
    all.push_back({std::move(held.message), held.in_flight});
  std::stable_sort(all.begin(), all.end(), [](const OutboxEntry& a, const OutboxEntry& b) {
    return a.message.created < b.message.created;
  });
  return all;
}

/// The given ids, or all that are not in flight. An id that there is not is an error before anything is done.
Result<std::vector<std::string>> Courier::chosen(std::vector<std::string> ids) const {
  const std::vector<OutboxEntry> all = outbox();
  if (ids.empty()) {
    for (const OutboxEntry& entry : all) {
      if (!entry.in_flight) ids.push_back(entry.message.id);
    }
    return ids;
  }
  for (const std::string& id : ids) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const OutboxEntry& entry) { return entry.message.id == id; });
    if (found == all.end()) {
      return fail(ErrorCode::not_found, "looking for the message", fmt::format("no message \"{}\" waits", id),
                  "redflag outbox lists those that do");
    }
    if (found->in_flight) {
      return fail(ErrorCode::conflict, "changing the outbox", fmt::format("message {} is being sent now", id),
                  "try again in a moment", true);
    }
  }
  return ids;
}

asio::awaitable<Result<std::size_t>> Courier::retry(std::vector<std::string> ids) {
  const Result<std::vector<std::string>> wanted = chosen(std::move(ids));
  if (!wanted) co_return tl::unexpected<Error>(wanted.error());
  Commit commit;
  for (const std::string& id : *wanted) {
    std::optional<alerts::OutboxMessage> record = dispatcher_.retry(id);
    if (record) commit.messages.push_back(std::move(*record));
  }
  const std::size_t count = commit.messages.size();
  work_.set();
  if (count > 0) co_await committer_.submit(std::move(commit));
  co_return count;
}

asio::awaitable<Result<std::size_t>> Courier::drop(std::vector<std::string> ids) {
  const Result<std::vector<std::string>> wanted = chosen(std::move(ids));
  if (!wanted) co_return tl::unexpected<Error>(wanted.error());
  Commit commit;
  for (const std::string& id : *wanted) {
    std::optional<alerts::OutboxMessage> record = dispatcher_.drop(id);
    if (record) commit.messages.push_back(std::move(*record));
  }
  const std::size_t count = commit.messages.size();
  if (count > 0) {
    log_warning("alert", "{} message(s) dropped from the outbox on request", count);
    co_await committer_.submit(std::move(commit));
  }
  co_return count;
}

asio::awaitable<std::vector<alerts::OutboxMessage>> Courier::expire() {
  std::vector<alerts::OutboxMessage> dropped =
      dispatcher_.expire(clock_.now(), options_.queue_max_age, options_.queue_max_messages);
  if (dropped.empty()) co_return dropped;
  Commit commit;
  commit.messages = dropped;
  co_await committer_.submit(std::move(commit));
  co_return dropped;
}

std::string Courier::stuck(Duration monotonic) {
  // Longer than any delivery may take: 15 s for HTTP, a minute for mail, and a commit.
  constexpr Duration kStuckAfter = std::chrono::minutes{3};
  const Time now = clock_.now();
  const std::optional<Time> wakeup = dispatcher_.next_wakeup(now);
  const std::vector<alerts::ChannelHealth> all = dispatcher_.health(now);
  for (const alerts::ChannelHealth& channel : all) {
    Pulse& pulse = pulses_[channel.channel];
    const bool idle = channel.queued == 0 || (!channel.in_flight && (!wakeup || *wakeup > now));
    if (idle || pulse.rounds != pulse.seen) {
      pulse.seen = pulse.rounds;
      pulse.since = monotonic;
    } else if (monotonic - pulse.since > kStuckAfter) {
      return "delivery to " + channel.channel;
    }
  }
  return {};
}

}  // namespace redflag::daemon
