// Operations without a daemon behind them: a handful of alerts, silences and messages in memory, changed as
// the real ones would be.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/base/clock.h"
#include "daemon/monitor/operations.h"
#include "tests/alerts/builders.h"

namespace redflag::test {

using namespace redflag::daemon;
using alerts::test::at;

class FakeOperations : public Operations {
 public:
  explicit FakeOperations(const Clock& clock) : clock_(clock) {}

  std::vector<AlertView> kept;
  std::vector<alerts::Silence> kept_silences;
  std::vector<OutboxEntry> messages;
  std::vector<alerts::ChannelHealth> health;
  std::vector<std::string> calls;  ///< what was changed, in words

  std::vector<AlertView> alerts() const override { return kept; }

  Result<AlertView> alert(const std::string& id) const override {
    const AlertView* found = nullptr;
    for (const AlertView& view : kept) {
      if (!view.alert.last.id.starts_with(id)) continue;
      if (found != nullptr) {
        return fail(ErrorCode::invalid_input, "looking for the alert",
                    "several alerts begin with \"" + id + '"', "write more of it");
      }
      found = &view;
    }
    if (found == nullptr)
      return fail(ErrorCode::not_found, "looking for the alert",
                  "there is no alert \"" + id + "\" that fires or ended lately", "redflag alerts lists them");
    return *found;
  }

  asio::awaitable<Result<AlertView>> acknowledge(std::string id, std::string by,
                                                 std::string comment) override {
    const Result<AlertView> view = alert(id);
    if (!view) co_return tl::unexpected<Error>(view.error());
    if (view->alert.last.to != AlertState::firing)
      co_return fail(ErrorCode::conflict, "acknowledging the alert",
                     "alert " + id + " does not fire any more");
    calls.push_back(fmt::format("ack {} by {}: {}", view->alert.last.id, by, comment));
    alerts::Acknowledgement& ack = mine(view->alert.last.id).alert.acknowledged;
    ack.at = clock_.now();
    ack.by = by;
    ack.comment = comment;
    ack.severity = view->alert.last.severity;
    co_return mine(view->alert.last.id);
  }

  asio::awaitable<Result<AlertView>> unacknowledge(std::string id) override {
    const Result<AlertView> view = alert(id);
    if (!view) co_return tl::unexpected<Error>(view.error());
    calls.push_back("unack " + view->alert.last.id);
    mine(view->alert.last.id).alert.acknowledged = {};
    co_return mine(view->alert.last.id);
  }

  std::vector<alerts::Silence> silences() const override { return kept_silences; }

  std::vector<AlertView> preview(const alerts::Silence& silence) const override {
    std::vector<AlertView> muted;
    for (const AlertView& view : kept) {
      const bool active =
          view.alert.last.to == AlertState::firing || view.alert.last.to == AlertState::pending;
      if (active && alerts::matches(silence.matchers, view.alert.last, view.run)) muted.push_back(view);
    }
    return muted;
  }

  asio::awaitable<Result<alerts::Silence>> add_silence(alerts::Silence silence) override {
    silence.id = fmt::format("4f1c{:04x}", kept_silences.size());
    silence.created = clock_.now();
    calls.push_back("silence " + silence.id);
    kept_silences.insert(kept_silences.begin(), silence);
    co_return silence;
  }

  asio::awaitable<Result<alerts::Silence>> end_silence(std::string id) override {
    for (alerts::Silence& silence : kept_silences) {
      if (!silence.id.starts_with(id)) continue;
      if (silence.ends <= clock_.now())
        co_return fail(ErrorCode::conflict, "ending a silence", "silence " + id + " has ended already");
      silence.ends = clock_.now();
      calls.push_back("end silence " + silence.id);
      co_return silence;
    }
    co_return fail(ErrorCode::not_found, "looking for the silence", "there is no silence \"" + id + '"',
                   "redflag silence list shows those that there are");
  }

  std::vector<OutboxEntry> outbox() const override { return messages; }

  asio::awaitable<Result<std::size_t>> retry(std::vector<std::string> ids) override {
    calls.push_back("retry " + words(ids));
    co_return found(ids);
  }
  asio::awaitable<Result<std::size_t>> drop(std::vector<std::string> ids) override {
    calls.push_back("drop " + words(ids));
    const Result<std::size_t> count = found(ids);
    if (count) {
      std::erase_if(messages, [&](const OutboxEntry& entry) {
        return ids.empty() ? !entry.in_flight
                           : std::find(ids.begin(), ids.end(), entry.message.id) != ids.end();
      });
    }
    co_return count;
  }

  std::vector<alerts::ChannelHealth> channels() const override { return health; }

 private:
  AlertView& mine(const std::string& id) {
    return *std::find_if(kept.begin(), kept.end(),
                         [&](const AlertView& view) { return view.alert.last.id == id; });
  }

  static std::string words(const std::vector<std::string>& ids) {
    std::string text = ids.empty() ? "all" : "";
    for (const std::string& id : ids) text += (text.empty() ? "" : " ") + id;
    return text;
  }

  Result<std::size_t> found(const std::vector<std::string>& ids) const {
    if (ids.empty()) return messages.size();
    for (const std::string& id : ids) {
      const auto entry = std::find_if(messages.begin(), messages.end(),
                                      [&](const OutboxEntry& one) { return one.message.id == id; });
      if (entry == messages.end())
        return fail(ErrorCode::not_found, "looking for the message", "no message \"" + id + "\" waits",
                    "redflag outbox lists those that do");
      if (entry->in_flight)
        return fail(ErrorCode::conflict, "changing the outbox", "message " + id + " is being sent now",
                    "try again in a moment", true);
    }
    return ids.size();
  }

  const Clock& clock_;
};

/// The state that docs/api.md shows: a run that diverges, a stalled one, and a channel in trouble, at
/// 03:26:39.
inline const Time kDocumentedNow = at(1800);

inline void fill(FakeOperations& operations) {
  AlertView loss;
  loss.run = alerts::test::failed_run();
  loss.run.project = "ent/proj";
  loss.run.tags = {"full", "sst2"};
  loss.alert.last = alerts::test::loss_high(AlertState::firing, 12);
  loss.alert.fired_at = at(12);
  loss.alert.worst = Severity::critical;
  loss.alert.run_name = loss.run.name;
  loss.alert.told_at = at(13);
  operations.kept.push_back(loss);

  AlertView stall;
  stall.run = loss.run;
  stall.run.key = "api.wandb.ai/ent/proj/def456";
  stall.run.name = "lora_rte_seed42";
  stall.run.url = "https://wandb.ai/ent/proj/runs/def456";
  stall.run.task = "rte";
  stall.run.method = "lora";
  stall.run.seed = "42";
  stall.run.tags = {"lora"};
  stall.alert.last.id = "51d0b7c3e8a94f20";
  stall.alert.last.rule = "run-stalled";
  stall.alert.last.pack = "step3";
  stall.alert.last.severity = Severity::warning;
  stall.alert.last.subject = {SubjectKind::run, stall.run.key};
  stall.alert.last.run = stall.run.key;
  stall.alert.last.from = AlertState::inactive;
  stall.alert.last.to = AlertState::firing;
  stall.alert.last.time = at(600);
  stall.alert.last.since = at(600);
  stall.alert.last.step = 1200;
  stall.alert.last.message = "no new step for 10 min";
  stall.alert.fired_at = at(600);
  stall.alert.run_name = stall.run.name;
  stall.alert.told_at = at(601);
  stall.no_data_since = at(700);
  operations.kept.push_back(stall);

  AlertView ended = stall;
  ended.no_data_since = Time{};
  ended.alert.last.id = "c07e1b22a9d3f645";
  ended.alert.last.rule = "gradient-norm-high";
  ended.alert.last.from = AlertState::firing;
  ended.alert.last.to = AlertState::resolved;
  ended.alert.last.time = at(300);
  ended.alert.last.since = at(100);
  ended.alert.last.value = 1.25;
  ended.alert.last.message = "gradient norm 104 > 100";
  ended.alert.last.reason = "gradient_norm_total is 1.25";
  ended.alert.fired_at = at(100);
  ended.alert.ended_at = at(300);
  operations.kept.push_back(ended);

  alerts::Silence silence;
  silence.id = "4f1c22ab";
  silence.matchers = {*alerts::parse_matcher("run=full_ft_rte_*"),
                      *alerts::parse_matcher("severity<critical")};
  silence.starts = at(0);
  silence.ends = at(7200);
  silence.comment = "learning-rate sweep, expected to be rough";
  silence.author = "alice";
  silence.created = at(0);
  operations.kept_silences.push_back(silence);

  OutboxEntry waiting;
  waiting.message.id = "51d0b7c3e8a94f20-fired-warning@slack";
  waiting.message.channel = "slack";
  waiting.message.alert_ids = {"51d0b7c3e8a94f20"};
  waiting.message.payload = "{\"text\":\"WARNING lora_rte_seed42: no new step for 10 min\"}";
  waiting.message.created = at(600);
  waiting.message.attempts = 7;
  waiting.message.not_before = at(1830);
  waiting.message.last_error = "HTTP 503 from Slack webhook";
  operations.messages.push_back(waiting);
  waiting.message.id = "c07e1b22a9d3f645-fired-warning@slack";
  waiting.message.alert_ids = {"c07e1b22a9d3f645"};
  waiting.message.state = alerts::MessageState::parked;
  waiting.message.attempts = 2;
  waiting.message.created = at(100);
  waiting.message.not_before = Time{};
  waiting.message.last_error = "HTTP 400 invalid_blocks from Slack webhook";
  operations.messages.push_back(waiting);

  alerts::ChannelHealth slack;
  slack.channel = "slack";
  slack.healthy = false;
  slack.since = at(605);
  slack.last_sent = at(13);
  slack.last_error = "HTTP 503 from Slack webhook";
  slack.queued = 1;
  slack.parked = 1;
  alerts::ChannelHealth log;
  log.channel = "log";
  log.since = at(0);
  log.last_sent = at(600);
  operations.health = {slack, log};
}

}  // namespace redflag::test
