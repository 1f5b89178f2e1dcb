// What the monitor does by the clock: ageing of what is kept, the mark that it is alive, the daily digest,
// and the proof that its own loops move.
#include <algorithm>

#include <fmt/format.h>

#include "alerts/daily.h"
#include "daemon/base/log.h"
#include "daemon/monitor/alive_mark.h"
#include "daemon/monitor/monitor.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOwnSource = "redflag";
constexpr Duration kMarkEvery = 1min;
/// A loop that wakes every second and has not for so long does not move any more.
constexpr Duration kStuckAfter = 2min;
constexpr std::size_t kForgottenAtATime = 100;
/// The newest first, one after the other.
constexpr Duration kBetweenRecalls = 2ms;

}  // namespace

asio::awaitable<void> Monitor::prune() {
  for (;;) {
    co_await clock_.sleep(1h);
    const Time now = clock_.now();
    // A few at a time: the first time after an update there may be thousands.
    for (;;) {
      Commit forgotten = pipeline_.forget_runs_ended_before(now - options_.retention, kForgottenAtATime, now);
      if (forgotten.empty()) break;
      for (const Subject& subject : forgotten.gone) traces_.forget(subject.key);
      co_await keep(std::move(forgotten));
    }
    progress_.forget([this](const std::string& key) {
      const RunInfo* known = pipeline_.run(key);
      return known == nullptr || has_ended(known->state);
    });
    const Result<void> done = co_await store_.prune({.points_before = now - options_.retention,
                                                     .messages_before = now - 7 * 24h,
                                                     .alerts_before = now - options_.retention,
                                                     .thin_before = now - 24h});
    pipeline_.forget_silences_ended_before(now - 7 * 24h);
    if (!done) log_warning("store", "{}", done.error().text());
  }
}

asio::awaitable<void> Monitor::recall_ended() {
  std::vector<const RunInfo*> ended;
  for (const auto& [key, run] : pipeline_.runs()) {
    const RunTrace* trace = traces_.find(key);
    if (has_ended(run.state) && (trace == nullptr || !trace->has_rows())) ended.push_back(&run);
  }
  std::sort(ended.begin(), ended.end(), [](const RunInfo* a, const RunInfo* b) {
    return std::pair(last_sign(*b), std::string_view(a->key)) <
           std::pair(last_sign(*a), std::string_view(b->key));
  });
  if (ended.size() > options_.most_recalled) ended.resize(options_.most_recalled);
  std::vector<std::string> keys;
  for (const RunInfo* run : ended) keys.push_back(run->key);
  for (const std::string& key : keys) {
    const auto kept = std::make_shared<RunTraces>();  // filled on the store's thread, read on this one
    // Named, not temporaries: GCC 12 destroys those of an awaited call twice.
    Subject subject{SubjectKind::run, key};
    std::function<void(Observation &&)> each = [kept](Observation&& point) { kept->note(point); };
    const Result<void> read = co_await store_.visit_points(std::move(subject), std::move(each));
    if (!read) {
      log_debug("store", "{}", read.error().text());
      break;
    }
    if (pipeline_.run(key) != nullptr) traces_.adopt(key, *kept);
    ++revision_;
    co_await clock_.sleep(kBetweenRecalls);
  }
  recalled_ = true;
}

asio::awaitable<void> Monitor::maintain_queue() {
  for (;;) {
    co_await clock_.sleep(1min);
    const std::vector<alerts::OutboxMessage> dropped = co_await courier_.expire();
    if (dropped.empty()) continue;
    std::string text;
    for (const auto& channel : courier_.channels()) {
      const auto count = std::count_if(dropped.begin(), dropped.end(),
                                       [&](const auto& m) { return m.channel == channel->name(); });
      if (count > 0) text += fmt::format("{}{} for {}", text.empty() ? "" : ", ", count, channel->name());
    }
    announce(
        Severity::warning, fmt::format("{} undelivered message(s) were dropped", dropped.size()),
        fmt::format("They were too old or too many: {}. redflag outbox lists what still waits; the alerts "
                    "themselves are kept: redflag alerts.",
                    text));
  }
}

void Monitor::mark_alive(bool stopped) {
  Commit commit;
  pipeline_.keep_cursor({kOwnSource, "alive", encode(AliveMark{clock_.now(), options_.boot_id, stopped})},
                        commit);
  committer_.post(std::move(commit));
}

asio::awaitable<void> Monitor::keep_alive_mark() {
  for (;;) {
    mark_alive(false);
    co_await clock_.sleep(kMarkEvery);
  }
}

/// Before the first mark of this start.
void Monitor::tell_absence() {
  const auto kept = pipeline_.cursor(kOwnSource, "alive");
  const std::optional<AliveMark> last = kept ? decode_alive_mark(*kept) : std::nullopt;
  if (!last) return;
  std::vector<std::string> live;
  for (const auto& [key, run] : pipeline_.runs()) {
    if (!has_ended(run.state) && !run.historic) live.push_back(run.name);
  }
  std::sort(live.begin(), live.end());
  const auto notice = absence_notice(*last, clock_.now(), options_.boot_id, live);
  if (notice) announce(Severity::warning, notice->title, notice->text);
}

asio::awaitable<void> Monitor::tell_daily() {
  for (;;) {
    const Time now = clock_.now();
    const Time midnight = std::chrono::floor<std::chrono::days>(now);
    const Time due = midnight + *options_.digest_at;
    const std::string today = to_rfc3339(midnight);
    if (now >= due && pipeline_.cursor(kOwnSource, "digest") != today) {
      std::vector<alerts::Alert> known;
      const alerts::Lifecycle& lifecycle = pipeline_.lifecycle();
      for (const auto& part : {lifecycle.active(), lifecycle.recent()}) {
        for (const alerts::Alert* alert : part) known.push_back(*alert);
      }
      Commit commit = pipeline_.announce(alerts::daily_digest(known, due - 24h, due));
      pipeline_.keep_cursor({kOwnSource, "digest", today}, commit);
      co_await keep(std::move(commit));
    }
    co_await clock_.sleep(30s);
  }
}

std::string Monitor::stuck() {
  // What waits for a disk that refuses is held in memory: a restart would lose it.
  if (committer_.undurable()) return {};
  const Duration now = clock_.monotonic();
  if (now - ticked_ > kStuckAfter) return "the rules' clock";
  return courier_.stuck(now);
}

}  // namespace redflag::daemon
