// What is said about a run as a whole. The end of a run is told after its last rows and its totals, so that
// whoever judges the end has everything; the watermark only when nothing is outstanding.
#include <algorithm>
#include <utility>

#include "daemon/wandb/project_sync.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

/// A run whose history cannot be read must not hide that it failed.
constexpr unsigned kFailuresBeforeTheEndIsTold = 2;
constexpr unsigned kFailuresBeforeGivingUp = 50;  // about a day

/// The same but for the heartbeat, which moves all the time.
bool same_but_heartbeat(const RunInfo& a, const RunInfo& b) {
  RunInfo copy = a;
  copy.heartbeat_at = b.heartbeat_at;
  return copy == b;
}

}  // namespace

Observation ProjectSync::fact(const FollowedRun& run, const char* name, Attribute value) const {
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::run, run.info.key};
  facts.run = run.info.key;
  facts.source = "wandb";
  facts.time = poll_time_;
  facts.attributes.emplace_back(name, std::move(value));
  return facts;
}

void ProjectSync::keep_cursor(FollowedRun& run) {
  out_.set_cursor(run.info.id, run.cursor.serialize());
}

void ProjectSync::announce(FollowedRun& run) {
  RunInfo shown = run.info;
  if (has_ended(run.info.state) && !run.cursor.ended) {
    shown.state = run.told && !has_ended(run.told->state) ? run.told->state : RunState::running;
  } else if (!has_ended(run.info.state) && run.cursor.ended) {
    run.cursor.ended = false;  // it lives again
    keep_cursor(run);
  }
  if (!run.told || !same_but_heartbeat(shown, *run.told)) {
    out_.add_run(shown, poll_time_);
    run.told = std::move(shown);
  } else if (shown.heartbeat_at != run.told->heartbeat_at) {
    out_.add(fact(run, "heartbeat_at", to_unix_seconds(shown.heartbeat_at)));
    run.told->heartbeat_at = shown.heartbeat_at;
  }
}

/// CPU and GPU memory as the W&B agent measures it, for runs whose own rows lack it. It is a state, not a
/// history: the last values only, which is enough to see memory run out.
void ProjectSync::tell_system_metrics(FollowedRun& run) {
  const json metrics = std::exchange(run.system_metrics, json());
  if (run.info.heartbeat_at == Time{} || run.info.heartbeat_at == run.system_time) return;
  auto built = builder_.build(metrics, target_of(run));
  if (!built) return;
  Observation& row = built->observation;
  std::erase_if(row.samples, [&](const Sample& sample) {
    const bool cpu = sample.metric == "cpu_memory_rss_mb" && !run.cursor.own_cpu;
    const bool gpu =
        (sample.metric == "gpu_memory_mb" || sample.metric == "gpu_memory_percent") && !run.cursor.own_gpu;
    return !cpu && !gpu;
  });
  if (row.samples.empty()) return;
  row.kind = ObservationKind::row;
  row.source = "wandb_system";
  row.seq = -1;
  row.step = run.cursor.attempt.last_step();
  row.attempt = run.cursor.attempt.attempt();
  row.time = run.info.heartbeat_at;
  run.system_time = run.info.heartbeat_at;
  out_.add(std::move(row));
}

void ProjectSync::tell_end(FollowedRun& run, const json* node) {
  if (node != nullptr) {
    auto totals = builder_.build_summary(node_object(*node, "summaryMetrics"), target_of(run));
    if (totals) {
      run.cursor.attempt.place(*totals);
      if (totals->observation.time == Time{}) totals->observation.time = run.info.heartbeat_at;
      out_.add(std::move(totals->observation));
    }
  }
  run.summary_due = node == nullptr;
  run.late_rows = false;
  run.cursor.ended = true;
  run.cursor.created_at = run.info.created_at;
  run.cursor.heartbeat_at = run.info.heartbeat_at;
  run.ended_at = poll_start_;
  if (!run.told || *run.told != run.info) {
    // A run ended when it last gave a sign, not when we came to hear of it.
    out_.add_run(run.info, run.info.heartbeat_at != Time{} ? run.info.heartbeat_at : poll_time_);
    run.told = run.info;
  }
  keep_cursor(run);
}

asio::awaitable<Result<void>> ProjectSync::tell_ends(std::vector<std::string> ids) {
  const NodeHandler on_node = [this](const std::string& id, const json& node) {
    const auto found = followed_.find(id);
    if (found == followed_.end() || !node.is_object()) return;
    FollowedRun& run = found->second;
    update_followed(run, node);
    // It may have come to life, or have logged more, since the listing.
    const bool complete = !run.has_rows_to_come() || run.failures >= kFailuresBeforeTheEndIsTold;
    if (has_ended(run.info.state) && complete) tell_end(run, &node);
  };
  const FailureHandler on_failure = [this](const std::string& id, const Error&) {
    const auto found = followed_.find(id);
    if (found != followed_.end() && !found->second.cursor.ended) tell_end(found->second, nullptr);
  };
  co_return co_await ask_whole_runs(std::move(ids), on_node, on_failure);
}

asio::awaitable<Result<void>> ProjectSync::settle() {
  std::vector<std::string> ending;
  for (auto& [id, run] : followed_) {
    const bool complete = !run.has_rows_to_come() && run.failures == 0;
    if (!has_ended(run.info.state)) {
      // Only a run this poll has read: another's silence may be ours.
      if (!complete || !run.seen) continue;
      if (run.system_metrics.is_object()) tell_system_metrics(run);
      out_.add(
          Watermark{{SubjectKind::run, run.info.key}, client_.by_service_clock(poll_time_, poll_start_)});
    } else if (complete || run.failures >= kFailuresBeforeTheEndIsTold) {
      const bool left_alone = run.failures > 0 && poll_start_ < run.retry_at && run.cursor.ended;
      if (!left_alone && (!run.cursor.ended || run.late_rows || run.summary_due)) ending.push_back(id);
    }
  }
  auto told = co_await tell_ends(std::move(ending));
  if (!told) co_return told;
  drop_finished();
  co_return Result<void>{};
}

void ProjectSync::drop_finished() {
  for (auto run = followed_.begin(); run != followed_.end();) {
    const FollowedRun& r = run->second;
    const bool settled = has_ended(r.info.state) && r.cursor.ended && !r.late_rows;
    const bool quiet = poll_start_ - r.ended_at >= options_.grace;
    const bool hopeless = r.failures == 0 || r.failures >= kFailuresBeforeGivingUp;
    run = settled && quiet && hopeless ? followed_.erase(run) : std::next(run);
  }
}

}  // namespace redflag::daemon
