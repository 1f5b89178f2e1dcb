#include "daemon/monitor/announcer.h"

#include <exception>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/base/failpoint.h"
#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

/// Alerts whose forms are made in one go: about a millisecond.
constexpr std::size_t kSlice = 32;

}  // namespace

Announcer::Announcer(asio::any_io_executor executor, Committer& committer, Courier& courier)
    : executor_(executor),
      committer_(committer),
      courier_(courier),
      work_(executor),
      done_(executor),
      kept_work_(executor) {}

void Announcer::post(Effects effects) {
  if (effects.empty()) return;
  ++issued_;
  const bool first = waiting_.empty();
  waiting_.push_back({std::move(effects), false, {}, 0});
  // The common case, a few alerts or none, takes no turn of the loop.
  if (first && waiting_.front().effects.notifications.size() <= kSlice && advance(waiting_.front())) {
    hand_over(std::move(waiting_.front().effects));
    waiting_.pop_front();
    return;
  }
  work_.set();
}

asio::awaitable<void> Announcer::submit(Effects effects) {
  if (effects.empty()) co_return;
  post(std::move(effects));
  const std::uint64_t ticket = issued_;
  for (;;) {
    if (released_ >= ticket) co_return;
    co_await done_.wait_past(done_.count());
  }
}

bool Announcer::advance(Entry& entry) {
  if (!entry.planned) {
    if (!entry.effects.notifications.empty()) failpoint("before-forms");
    entry.forms = courier_.plan(entry.effects.notifications);
    entry.planned = true;
  }
  for (std::size_t parts = 0; entry.rendered < entry.forms.size() && parts < kSlice;) {
    const Courier::Form& form = entry.forms[entry.rendered++];
    parts += form.parts();
    try {
      if (auto message = courier_.render(form)) entry.effects.commit.messages.push_back(std::move(*message));
    } catch (const std::exception& error) {
      // The records are kept all the same, and all other forms.
      log_error("alert", "a message for {} could not be written: {}", form.channel->name(), error.what());
    }
  }
  return entry.rendered == entry.forms.size();
}

asio::awaitable<void> Announcer::render() {
  for (;;) {
    const std::uint64_t seen = work_.count();
    if (waiting_.empty()) {
      co_await work_.wait_past(seen);
      continue;
    }
    // First the others' turn: what brought these alerts may have worked for long itself.
    co_await asio::post(executor_, asio::use_awaitable);
    if (!advance(waiting_.front())) continue;
    hand_over(std::move(waiting_.front().effects));
    waiting_.pop_front();
  }
}

void Announcer::hand_over(Effects&& effects) {
  if (!effects.notifications.empty()) failpoint("after-forms");
  Kept kept;
  kept.messages = effects.commit.messages;
  const bool told = !effects.commit.alerts.empty() || !effects.commit.messages.empty();
  kept.ticket = committer_.post(std::move(effects.commit), effects.may_linger && !told);
  kept_.push_back(std::move(kept));
  kept_work_.set();
}

asio::awaitable<void> Announcer::release() {
  for (;;) {
    const std::uint64_t seen = kept_work_.count();
    if (kept_.empty()) {
      co_await kept_work_.wait_past(seen);
      continue;
    }
    const bool durable = co_await committer_.settled(kept_.front().ticket, kept_.front().messages.size());
    std::vector<alerts::OutboxMessage> messages = std::move(kept_.front().messages);
    kept_.pop_front();
    for (alerts::OutboxMessage& message : messages) message.undurable = !durable;
    courier_.enqueue(std::move(messages));
    ++released_;
    done_.set();
  }
}

}  // namespace redflag::daemon
