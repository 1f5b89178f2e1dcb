// What people ask of the daemon and do to its alerts, on top of pipeline and courier.
#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "daemon/base/log.h"
#include "daemon/monitor/monitor.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

std::string fresh_silence_id() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

}  // namespace

AlertView Monitor::view(const alerts::Alert& alert) const {
  AlertView view;
  view.alert = alert;
  view.run = pipeline_.context_of(alert.last.run);
  if (alert.last.to == AlertState::firing) {
    view.no_data_since = pipeline_.no_data_since(alert.last);
    view.flapping = pipeline_.lifecycle().flapping(alert);
  }
  return view;
}

std::vector<AlertView> Monitor::alerts() const {
  std::vector<AlertView> all;
  const alerts::Lifecycle& lifecycle = pipeline_.lifecycle();
  for (const auto& part : {lifecycle.active(), lifecycle.pending(), lifecycle.recent()}) {
    for (const alerts::Alert* alert : part) all.push_back(view(*alert));
  }
  return all;
}

Result<AlertView> Monitor::alert(const std::string& id) const {
  const Result<const alerts::Alert*> found = pipeline_.lifecycle().look_up(id);
  if (!found) return tl::unexpected<Error>(found.error());
  return view(**found);
}

asio::awaitable<Result<AlertView>> Monitor::acknowledge(std::string id, std::string by, std::string comment) {
  Effects effects;
  const Result<alerts::Alert> alert = pipeline_.acknowledge(
      id, {clock_.now(), std::move(by), std::move(comment), Severity::info}, effects.commit);
  if (!alert) co_return tl::unexpected<Error>(alert.error());
  co_await keep(std::move(effects));
  log_info("alert", "{} {} acknowledged by {}", alert->last.rule, alert->last.id, alert->acknowledged.by);
  co_return view(*alert);
}

asio::awaitable<Result<AlertView>> Monitor::unacknowledge(std::string id) {
  Effects effects;
  const Result<alerts::Alert> alert = pipeline_.unacknowledge(id, effects.commit);
  if (!alert) co_return tl::unexpected<Error>(alert.error());
  co_await keep(std::move(effects));
  co_return view(*alert);
}

std::vector<alerts::Silence> Monitor::silences() const {
  std::vector<alerts::Silence> all = pipeline_.lifecycle().mutes().silences();
  const Time now = clock_.now();
  std::stable_partition(all.begin(), all.end(), [now](const alerts::Silence& s) { return s.ends > now; });
  return all;
}

std::vector<AlertView> Monitor::preview(const alerts::Silence& silence) const {
  std::vector<AlertView> muted;
  const alerts::Lifecycle& lifecycle = pipeline_.lifecycle();
  for (const auto& part : {lifecycle.active(), lifecycle.pending()}) {
    for (const alerts::Alert* alert : part) {
      if (matches(silence.matchers, alert->last, pipeline_.context_of(alert->last.run)))
        muted.push_back(view(*alert));
    }
  }
  return muted;
}

asio::awaitable<Result<alerts::Silence>> Monitor::add_silence(alerts::Silence silence) {
  const char* doing = "adding a silence";
  const Time now = clock_.now();
  if (silence.matchers.empty()) {
    co_return fail(ErrorCode::invalid_input, doing, "it has no matcher and would mute everything",
                   "say what it is for: rule=loss-*, run=full_ft_*; for everything: rule=*");
  }
  if (silence.starts == Time{}) silence.starts = now;
  if (silence.ends <= std::max(silence.starts, now)) {
    co_return fail(ErrorCode::invalid_input, doing,
                   fmt::format("it would end at {}, before it {}", to_rfc3339(silence.ends),
                               silence.starts > now ? "starts" : "could mute anything"));
  }
  silence.id = fresh_silence_id();
  silence.created = now;
  Effects effects;
  pipeline_.put_silence(silence, effects.commit);
  co_await keep(std::move(effects));
  log_info("alert", "silence {} by {} until {}", silence.id, silence.author, to_rfc3339(silence.ends));
  co_return silence;
}

asio::awaitable<Result<alerts::Silence>> Monitor::end_silence(std::string id) {
  Result<alerts::Silence> silence = pipeline_.lifecycle().mutes().find(id);
  if (!silence) co_return silence;
  const Time now = clock_.now();
  if (silence->ends <= now) {
    co_return fail(ErrorCode::conflict, "ending a silence",
                   fmt::format("silence {} ended at {}", silence->id, to_rfc3339(silence->ends)));
  }
  silence->starts = std::min(silence->starts, now);
  silence->ends = now;
  Effects effects;
  pipeline_.put_silence(*silence, effects.commit);
  co_await keep(std::move(effects));
  log_info("alert", "silence {} ended", silence->id);
  co_return silence;
}

}  // namespace redflag::daemon
