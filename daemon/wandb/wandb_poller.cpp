#include "daemon/wandb/wandb_poller.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include "daemon/wandb/backoff_delay.h"
#include "daemon/wandb/project_health.h"
#include "daemon/wandb/project_sync.h"

namespace redflag::daemon {
namespace {

Error unexpected(const std::string& project, const char* what) {
  return {ErrorCode::malformed, true, "polling " + project, what, {}};
}

const char* plural(std::int64_t count) {
  return count == 1 ? "" : "s";
}

bool is_cancelled(const PollSummary& summary) {
  return summary.error && summary.error->code == ErrorCode::cancelled;
}

}  // namespace

std::string PollSummary::text() const {
  if (error) return fmt::format("polled {}: {}", project, error->text());
  std::string line =
      fmt::format("polled {}: {} run{}, {} active, {} new row{}, {:.2f} s", project, runs, plural(runs),
                  active_runs, new_rows, plural(new_rows), static_cast<double>(took.count()) / 1e6);
  if (!caught_up) line += ", catching up";
  if (failing_runs > 0) line += fmt::format(", {} run{} cannot be read", failing_runs, plural(failing_runs));
  if (unreadable_rows > 0)
    line += fmt::format(", {} row{} unreadable", unreadable_rows, plural(unreadable_rows));
  return line;
}

WandbPoller::WandbPoller(WandbPollerOptions options, GraphqlClient& client, Intake& intake, Clock& clock,
                         const MetricNames& names, OnPoll on_poll)
    : options_(std::move(options)),
      client_(client),
      intake_(intake),
      clock_(clock),
      on_poll_(std::move(on_poll)),
      sync_(std::make_unique<ProjectSync>(options_, client, intake, clock, names)),
      health_(std::make_unique<ProjectHealth>(sync_->subject())),
      random_(options_.jitter_seed) {}

WandbPoller::~WandbPoller() = default;

const Subject& WandbPoller::subject() const {
  return sync_->subject();
}

asio::awaitable<PollSummary> WandbPoller::poll_once() {
  const Duration started = clock_.monotonic();
  const Time started_at = clock_.now();
  PollSummary summary;
  std::optional<Error> failure;
  try {
    summary = co_await sync_->poll();
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    failure = unexpected(options_.entity + '/' + options_.project, error.what());
  } catch (const std::exception& error) {
    failure = unexpected(options_.entity + '/' + options_.project, error.what());
  }
  if (failure) {
    // Whatever state the poll left behind, the committed cursors are sound.
    sync_->forget();
    summary.project = options_.entity + '/' + options_.project;
    summary.error = std::move(failure);
  }
  summary.took = clock_.monotonic() - started;
  health_->note(summary, sync_->lag(), started_at);
  if (on_poll_ && !is_cancelled(summary)) on_poll_(summary);
  co_return summary;
}

Duration WandbPoller::delay_after(const PollSummary& summary) {
  if (!summary.error) {
    failures_ = 0;
    if (!summary.caught_up) return Duration::zero();
    const Duration idle = std::max(options_.poll_interval,
                                   std::min<Duration>(options_.poll_interval * 4, std::chrono::minutes{1}));
    const Duration interval = summary.active_runs > 0 ? options_.poll_interval : idle;
    return std::max(Duration::zero(), interval - summary.took);  // from start to start
  }
  ++failures_;
  const Duration first =
      std::clamp<Duration>(options_.poll_interval, std::chrono::seconds{1}, std::chrono::seconds{5});
  const Duration delay = summary.error->retryable || summary.error->code == ErrorCode::storage
                             ? backoff_delay(failures_, first, options_.longest_backoff, random_)
                             : backoff_delay(1, options_.refused_retry, options_.refused_retry, random_);
  return std::max(delay, client_.blocked_for());
}

/// Waits for `delay`, telling the source's facts when they changed and at least each `health_interval`. False
/// = stop.
asio::awaitable<bool> WandbPoller::wait_for_next(Duration delay) {
  const Duration until = clock_.monotonic() + delay;
  bool due = false;
  for (;;) {
    auto facts = health_->facts(clock_.now(), due);
    if (facts) {
      SourceBatch batch;
      batch.inputs.emplace_back(std::move(*facts));
      auto told = co_await intake_.submit(std::move(batch));
      if (told) {
        health_->told();
        told_at_ = clock_.monotonic();
      } else if (told.error().code == ErrorCode::cancelled) {
        co_return false;
      }
    }
    const Duration now = clock_.monotonic();
    if (now >= until) co_return true;
    const Duration next_telling =
        std::max<Duration>(told_at_ + options_.health_interval - now, std::chrono::seconds{1});
    co_await clock_.sleep(std::min(until - now, next_telling));
    due = clock_.monotonic() >= told_at_ + options_.health_interval;
    if (clock_.monotonic() >= until && !due) co_return true;
  }
}

asio::awaitable<void> WandbPoller::rounds() {
  for (;;) {
    const PollSummary summary = co_await poll_once();
    if (is_cancelled(summary)) co_return;
    const bool go_on = co_await wait_for_next(delay_after(summary));
    if (!go_on) co_return;
  }
}

asio::awaitable<void> WandbPoller::run() {
  try {
    co_await rounds();
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
  }
}

}  // namespace redflag::daemon
