#include "daemon/monitor/committer.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/base/log.h"
#include "daemon/base/timed.h"

namespace redflag::daemon {

using namespace std::chrono_literals;

namespace {

/// What waits together is written together, up to so much: a transaction has to fit into the WAL and the
/// cache.
constexpr std::size_t kChunkBytes = 1ULL << 20U;
/// A row of each of many runs, committed by itself, costs more than all else that is done with it.
constexpr Duration kLinger = 2s;
constexpr std::size_t kLingerBytes = 256ULL << 10U;
constexpr Duration kReserveInterval = 5min;
constexpr Duration kReserveNews = 1h;  // on a disk that is full now and then

}  // namespace

Committer::Committer(asio::any_io_executor executor, Clock& clock, Store& store, CommitterOptions options)
    : clock_(clock),
      store_(store),
      options_(options),
      work_(executor),
      done_(executor),
      had_reserve_(store.reserve_held()) {
  if (!had_reserve_) log_warning("store", "the disk of {} has no space for redflag's reserve", store_.path());
}

void Committer::hurry() {
  hurried_ = issued_;
  work_.set();
}

std::uint64_t Committer::post(Commit commit, bool may_linger) {
  if (commit.empty()) return issued_;
  const std::size_t bytes = commit.bytes();
  const bool first = queue_.empty();
  if (first) linger_until_ = clock_.monotonic() + kLinger;
  if (queue_.empty() || queue_.back().bytes > kChunkBytes) queue_.emplace_back();
  Chunk& last = queue_.back();
  last.commit.append(std::move(commit));
  last.bytes += bytes;
  waiting_bytes_ += bytes;
  last.ticket = ++issued_;
  if (!may_linger || waiting_bytes_ > kLingerBytes) hurried_ = issued_;
  if (first || hurried_ == issued_) work_.set();
  return issued_;
}

asio::awaitable<bool> Committer::submit(Commit commit) {
  const std::size_t messages = commit.messages.size();
  const std::uint64_t ticket = post(std::move(commit));
  co_return co_await settled(ticket, messages);
}

asio::awaitable<bool> Committer::settled(std::uint64_t ticket, std::size_t messages) {
  for (;;) {
    if (committed_ >= ticket) co_return true;
    if (undurable()) break;
    co_await done_.wait_past(done_.count());
  }
  undurable_messages_ += messages;
  co_return false;
}

asio::awaitable<void> Committer::room() {
  for (;;) {
    if (waiting_bytes_ < options_.most_bytes) co_return;
    co_await done_.wait_past(done_.count());
  }
}

asio::awaitable<void> Committer::run() {
  for (;;) {
    const std::uint64_t seen = work_.count();
    if (queue_.empty()) {
      co_await work_.wait_past(seen);
      continue;
    }
    if (const Duration rest = linger_until_ - clock_.monotonic(); hurried_ <= committed_ && rest > 0s) {
      co_await timed(clock_, rest, work_.wait_past(seen));
      continue;
    }
    Chunk chunk = std::move(queue_.front());
    queue_.pop_front();
    co_await write(std::make_shared<const Commit>(std::move(chunk.commit)));
    committed_ = chunk.ticket;
    waiting_bytes_ -= chunk.bytes;
    if (queue_.empty()) caught_up();
    done_.set();
    co_await mind_the_reserve();
  }
}

asio::awaitable<void> Committer::write(std::shared_ptr<const Commit> commit) {
  Duration pause = 1s;
  writing_since_ = clock_.monotonic();
  for (;;) {
    Result<void> done = co_await store_.commit(commit);
    if (done) break;
    if (failing_since_ == Time{}) {
      failing_since_ = clock_.now();
      refused_since_ = clock_.monotonic();
      log_critical("store", "{}; keeping everything in memory and trying again", done.error().text());
    }
    if (store_.trouble() == StoreTrouble::damaged && everything_ && anew_left_ > 0) {
      --anew_left_;  // a disk that damages every file would else be filled with what is moved aside
      co_await begin_anew();
      continue;
    }
    co_await clock_.sleep(pause);
    pause = std::min<Duration>(pause * 2, 30s);
  }
  writing_since_ = Duration{-1};
  refused_since_ = Duration{-1};
  if (failing_since_ == Time{}) co_return;
  log_info("store", "writing again after {}; nothing was lost",
           human_duration(clock_.now() - failing_since_));
  failing_since_ = {};
}

/// What is in memory becomes the new database; what waits follows as if nothing had happened.
asio::awaitable<void> Committer::begin_anew() {
  Duration pause = 1s;
  for (;;) {
    const Result<std::string> aside = co_await store_.begin_anew(clock_.now(), everything_());
    if (aside) {
      tell(Severity::critical, "redflag's state database was damaged",
           fmt::format(
               "It was damaged while redflag was running. It was moved to {} and a new one begun from what "
               "is in memory: alerts, silences, and messages that wait. Older points are gone; at the next "
               "start runs are read again.",
               *aside));
      co_return;
    }
    log_critical("store", "a new database could not be begun: {}", aside.error().text());
    co_await clock_.sleep(pause);
    pause = std::min<Duration>(pause * 2, 30s);
  }
}

asio::awaitable<void> Committer::watch() {
  for (;;) {
    co_await clock_.sleep(1s);
    if (std::string damage = store_.damage_found(); !damage.empty() && !damage_told_) {
      damage_told_ = true;
      log_critical("store", "{} is damaged: {}", store_.path(), damage);
      tell(Severity::critical, "redflag's state database is damaged",
           fmt::format(
               "Reading {} through has found: {}. Alerts still go out. Stop redflag, move the file away and "
               "start it again: a new one is begun.",
               store_.path(), damage));
    }
    if (writing_since_ < Duration{} || undurable()) continue;
    const Duration now = clock_.monotonic();
    const bool refused = refused_since_ >= Duration{} && now - refused_since_ >= options_.patience;
    if (refused || now - writing_since_ >= options_.silent_patience) release();
  }
}

void Committer::release() {
  const bool answers = refused_since_ >= Duration{};
  undurable_words_ =
      fmt::format("not kept: {}",
                  answers ? to_words(store_.trouble()) : std::string_view("redflag's disk does not answer"));
  undurable_since_ = clock_.now();
  undurable_messages_ = 0;
  log_critical("store", "{}; alerts go out all the same, from memory", undurable_words_);
  tell(
      Severity::critical, fmt::format("{}", undurable_words_.substr(sizeof("not kept: ") - 1)),
      fmt::format(
          "Nothing can be written to {} ({}). Alerts go out from memory and say so; they would be sent again "
          "or forgotten if redflag were stopped now. Free space on that file system, or look at dmesg.",
          store_.path(), store_.reserve_held() ? "its reserve does not help" : "its reserve is spent"));
  done_.set();
}

void Committer::caught_up() {
  if (!undurable()) return;
  const std::string length = human_duration(clock_.now() - undurable_since_);
  undurable_words_.clear();
  log_info("store", "caught up after {}: {} message(s) went out before they were kept; nothing was lost",
           length, undurable_messages_);
  tell(
      Severity::warning, "redflag keeps its state again",
      fmt::format("For {} the disk took nothing. {} message(s) were made meanwhile and went out from memory; "
                  "they and everything else are kept now. Nothing was lost.",
                  length, undurable_messages_));
}

asio::awaitable<void> Committer::mind_the_reserve() {
  if (had_reserve_ && !store_.reserve_held()) {
    had_reserve_ = false;
    reserve_tried_ = clock_.monotonic();
    log_critical("store", "the disk is full; the reserve beside {} was given up", store_.path());
    if (reserve_told_ >= Duration{} && reserve_tried_ - reserve_told_ < kReserveNews) co_return;
    reserve_told_ = reserve_tried_;
    tell(Severity::critical, "redflag's disk is full",
         fmt::format(
             "The reserve beside {} was given up to go on. When that is spent too, alerts go out from memory "
             "only. Free space on that file system.",
             store_.path()));
  }
  if (store_.reserve_held() || clock_.monotonic() - reserve_tried_ < kReserveInterval) co_return;
  reserve_tried_ = clock_.monotonic();
  (void)co_await store_.renew_reserve();
  if (!store_.reserve_held()) co_return;
  had_reserve_ = true;
  log_info("store", "there is space again; the reserve is back");
}

void Committer::tell(Severity severity, std::string title, std::string text) {
  if (tell_) tell_(severity, std::move(title), std::move(text));
}

}  // namespace redflag::daemon
