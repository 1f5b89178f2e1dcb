#include "daemon/monitor/monitor.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/base/log.h"

namespace redflag::daemon {

using namespace std::chrono_literals;

Monitor::Monitor(asio::any_io_executor executor, Clock& clock, Store& store,
                 std::shared_ptr<const RuleSet> rules, std::vector<std::unique_ptr<Channel>> channels,
                 alerts::Router router, MonitorOptions options)
    : clock_(clock),
      store_(store),
      options_(std::move(options)),
      committer_(executor, clock, store),
      courier_(executor, clock, committer_, std::move(channels), std::move(router), options_.courier),
      announcer_(executor, committer_, courier_),
      pipeline_(
          std::move(rules),
          [&] {
            options_.lifecycle.router = &courier_.router();
            return std::move(options_.lifecycle);
          }(),
          clock.now()),
      progress_(options_.progress_interval),
      started_at_(clock.now()),
      tasks_(executor, clock) {
  courier_.set_firing([this] { return pipeline_.firing(); });
  committer_.on_news([this](Severity severity, std::string title, std::string text) {
    announce(severity, std::move(title), std::move(text));
  });
  committer_.on_damage([this] { return everything(); });
}

Commit Monitor::everything() const {
  Commit all = pipeline_.everything();
  courier_.add_everything(all);
  return all;
}

Result<void> Monitor::resume(const std::function<void(const Observation&)>& on_point) {
  std::size_t skipped = 0;
  Result<StoredState> state = store_.load(skipped);
  if (!state) return tl::unexpected<Error>(std::move(state.error()));
  if (skipped > 0) log_warning("store", "{} kept record(s) could not be read and were left out", skipped);
  std::erase_if(state->cursors, [this](const CursorUpdate& c) { return courier_.restore_receipt(c); });
  courier_.restore(std::move(state->unsent));
  for (const Observation& facts : state->facts) known_facts_.note(facts, true);
  pipeline_.resume(std::move(*state));
  Result<void> points = store_.load_points([this](const Subject& s) { return pipeline_.wants_points_of(s); },
                                           [this, &on_point](Observation&& point) {
                                             traces_.note(point);
                                             if (on_point) on_point(point);
                                             pipeline_.rebuild(std::move(point));
                                           });
  if (!points) return points;
  announcer_.post(pipeline_.finish_resume());
  return {};
}

void Monitor::start() {
  ticked_ = clock_.monotonic();
  tell_absence();
  tasks_.start("store", [this] { return committer_.run(); });
  tasks_.start("announcements", [this] { return announcer_.render(); });
  tasks_.start("release", [this] { return announcer_.release(); });
  tasks_.start("store watch", [this] { return committer_.watch(); });
  tasks_.start("ticks", [this] { return tick(); });
  tasks_.start("prune", [this] { return prune(); });
  tasks_.start("queue", [this] { return maintain_queue(); });
  tasks_.start("alive mark", [this] { return keep_alive_mark(); });
  tasks_.start("recall", [this] { return recall_ended(); });
  if (options_.digest_at) tasks_.start("digest", [this] { return tell_daily(); });
  for (const auto& channel : courier_.channels()) {
    tasks_.start("alert " + channel->name(), [this, c = channel.get()] { return courier_.run(*c); });
  }
}

asio::awaitable<void> Monitor::stop(Duration patience) {
  const Duration deadline = clock_.monotonic() + patience;
  mark_alive(true);
  committer_.hurry();
  while (!announcer_.idle() && deadline - clock_.monotonic() > patience * 3 / 4) co_await clock_.sleep(5ms);
  co_await courier_.drain(patience * 3 / 4);
  while (!committer_.idle() && clock_.monotonic() < deadline) co_await clock_.sleep(5ms);
  co_await tasks_.stop(std::max<Duration>(deadline - clock_.monotonic(), 100ms));
  if (!committer_.idle()) {
    log_critical("store",
                 "stopping with {} bytes that the disk did not take: sources will be read again from where "
                 "they were kept, and alerts of that time may be told again",
                 committer_.waiting_bytes());
  }
}

asio::awaitable<Result<void>> Monitor::submit(SourceBatch batch) {
  progress_.note(batch, *this, clock_.monotonic());
  note(batch);
  Effects effects = pipeline_.apply(std::move(batch), clock_.now());
  if (effects.may_linger && effects.notifications.empty() && !effects.empty()) {
    ++revision_;
    announcer_.post(std::move(effects));
  } else {
    co_await keep(std::move(effects));
  }
  co_await committer_.room();
  co_return Result<void>{};
}

void Monitor::note(const SourceBatch& batch) {
  for (const SourceBatch::Input& input : batch.inputs) {
    if (const auto* observation = std::get_if<Observation>(&input)) {
      traces_.note(*observation);
      known_facts_.note(*observation);
    } else if (const auto* gone = std::get_if<Gone>(&input)) {
      if (gone->subject.kind == SubjectKind::run) traces_.forget(gone->subject.key);
      known_facts_.forget(gone->subject);
    }
  }
}

asio::awaitable<void> Monitor::keep(Effects effects) {
  if (effects.empty()) co_return;
  ++revision_;
  co_await announcer_.submit(std::move(effects));
}

asio::awaitable<void> Monitor::tick() {
  for (;;) {
    ticked_ = clock_.monotonic();
    co_await clock_.sleep(1s);
    Effects effects = pipeline_.tick(clock_.now());
    co_await keep(std::move(effects));
  }
}

std::optional<std::string> Monitor::cursor(const std::string& source, const std::string& key) const {
  return pipeline_.cursor(source, key);
}

const RunInfo* Monitor::run(const std::string& key) const {
  return pipeline_.run(key);
}

void Monitor::announce(Severity severity, std::string title, std::string text) {
  std::vector<alerts::Notification> said(1);
  alerts::Notification& notice = said.front();
  notice.kind = alerts::NotificationKind::notice;
  notice.severity = severity;
  notice.time = clock_.now();
  notice.title = std::move(title);
  notice.text = std::move(text);
  // Past all that waits for its forms or for the disk: it may be the news that the disk refuses.
  Commit commit;
  for (const Courier::Form& form : courier_.plan(said)) {
    if (auto message = courier_.render(form)) commit.messages.push_back(std::move(*message));
  }
  std::vector<alerts::OutboxMessage> messages = commit.messages;
  committer_.post(std::move(commit));
  for (alerts::OutboxMessage& message : messages) message.undurable = committer_.undurable();
  courier_.enqueue(
      std::move(messages));  // at worst said twice: a notice has nothing behind it that could be lost
}

}  // namespace redflag::daemon
