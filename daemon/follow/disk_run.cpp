#include "daemon/follow/disk_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/local/local_rows.h"
#include "daemon/results/printable.h"

namespace redflag::daemon::follow {
namespace {

constexpr Duration kSystemEvery = std::chrono::seconds{30};

std::string last_names(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return printable_path(path);
  const std::size_t before = path.rfind('/', slash - 1);
  return printable_path(path.substr(before == std::string_view::npos ? 0 : before + 1));
}

std::string tracker_key(LocalKind kind, const std::string& prefix) {
  return std::string(source_of(kind)) + ' ' + prefix;
}

}  // namespace

namespace {

bool has_rule(std::string_view kind) {
  constexpr std::array kKinds{
      "cuda_out_of_memory", "host_out_of_memory", "shared_memory", "disk_full",    "disk_quota", "xid",
      "gpu_lost",           "cuda_assert",        "cuda_error",    "nccl_timeout", "nccl_error"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

}  // namespace

bool told_at_once(std::string_view kind, bool own) {
  return own || has_rule(kind);
}

std::string own_severity(std::string_view kind, bool own, local::LogSeverity severity) {
  return own && !has_rule(kind) ? std::string(to_string(severity)) : std::string();
}

DiskRun::DiskRun(LocalPlace place) : place_(std::move(place)) {
  info_.id = place_.wandb_id.empty() ? last_names(place_.group) : place_.wandb_id;
  info_.name = info_.id;
}

void DiskRun::name(std::string key, const RunInfo* known) {
  if (known != nullptr) {
    RunInfo kept = *known;
    // What the files have told since counts for more than what was kept.
    if (!info_.config.empty()) kept.config = info_.config;
    if (info_.name != info_.id) kept.name = info_.name;
    if (info_.state != RunState::unknown) kept.state = info_.state;
    kept.historic = info_.historic;
    info_ = std::move(kept);
    told_ = *known;
  }
  info_.key = std::move(key);
}

bool DiskRun::wants_console_rows() const {
  // A console rounds its numbers and shows steps by a bar that is drawn ten times a second: it speaks only
  // for runs that nobody else speaks for.
  return !attached_ && kinds_.size() == 1 && kinds_.contains(LocalKind::console) && place_.wandb_id.empty();
}

RowTarget DiskRun::target(std::string source) const {
  return {{SubjectKind::run, info_.key}, info_.key, std::move(source)};
}

void DiskRun::introduce(SourceBatch& batch, Time now) {
  if (told_ || !named() || superseded_) return;
  RunInfo shown = info_;
  if (has_ended(shown.state) && !shown.historic) shown.state = RunState::running;
  derive_identity(shown);
  Observation facts = run_facts(shown, "disk", now);
  // The Trainer's own files never hold them, so that they cannot be missed there.
  if (!kinds_.contains(LocalKind::wandb)) facts.attributes.emplace_back("system_metrics", false);
  if (shown.historic) {  // its end is told with its totals
    std::erase_if(facts.attributes,
                  [](const auto& one) { return one.first == "state" || one.first == "ended"; });
    batch.inputs.emplace_back(std::move(facts));
    return;
  }
  batch.inputs.emplace_back(std::move(facts));
  batch.runs.push_back(shown);
  told_ = std::move(shown);
}

void DiskRun::take_identity(const local::RunIdentity& identity) {
  if (!identity.id.empty()) info_.id = identity.id;
  info_.name = !identity.name.empty() ? identity.name : info_.id;
  if (!identity.project.empty())
    info_.project = identity.entity.empty() ? identity.project : identity.entity + '/' + identity.project;
  info_.group = identity.group;
  info_.job_type = identity.job_type;
  if (!identity.tags.empty()) info_.tags = identity.tags;
  if (identity.started != Time{}) info_.created_at = identity.started;
  if (identity.resumed || !exit_code_) {
    exit_code_.reset();
    info_.state = RunState::running;
  }
}

void DiskRun::take_row(LocalKind kind, const std::string& prefix, const local::Row& row, Time seen,
                       const RowBuilder& builder, SourceBatch& batch) {
  if (kind == LocalKind::console && !wants_console_rows()) {
    last_sign_ = std::max(last_sign_, seen);
    return;
  }
  auto built = local::build_row(builder, row, target(std::string(source_of(kind))));
  if (!built) return;
  trackers_[tracker_key(kind, prefix)].place(*built);
  Observation& observation = built->observation;
  if (kind != LocalKind::wandb) observation.seq = -1;
  if (observation.time == Time{}) observation.time = seen;
  if (observation.kind == ObservationKind::summary) {
    totals_ = std::move(observation);
    totals_due_ = true;
    return;
  }
  for (const Sample& sample : observation.samples) {
    if (sample.metric == "cpu_memory_rss_mb") own_cpu_ = true;
    if (sample.metric == "gpu_memory_mb") own_gpu_ = true;
  }
  last_row_ = std::max(last_row_, observation.time);
  if (info_.historic) return;
  ++rows_;
  batch.inputs.emplace_back(std::move(observation));
}

/// A state, not a history, as the API's are treated: memory, for runs whose own rows lack it.
void DiskRun::take_system(const local::SystemRow& row, const RowBuilder& builder, SourceBatch& batch) {
  if (info_.historic || row.time == Time{} || row.time < system_told_ + kSystemEvery) return;
  auto built = builder.build(row.values, target("wandb_system"));
  if (!built) return;
  Observation& observation = built->observation;
  std::erase_if(observation.samples, [&](const Sample& sample) {
    const bool cpu = sample.metric == "cpu_memory_rss_mb" && !own_cpu_;
    const bool gpu = (sample.metric == "gpu_memory_mb" || sample.metric == "gpu_memory_percent") && !own_gpu_;
    return !cpu && !gpu;
  });
  if (observation.samples.empty()) return;
  const AttemptTracker& tracker = trackers_[tracker_key(LocalKind::wandb, "")];
  observation.kind = ObservationKind::row;
  observation.seq = -1;
  observation.step = tracker.last_step();
  observation.attempt = tracker.attempt();
  observation.time = system_told_ = row.time;
  batch.inputs.emplace_back(std::move(observation));
}

Observation DiskRun::log_facts(const std::string& path, std::string_view source, Time time) const {
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::log, printable_path(path)};
  facts.run = info_.key;
  facts.source = source;
  facts.time = time;
  facts.attributes.emplace_back("name", info_.name);
  facts.attributes.emplace_back("path", printable_path(path));
  return facts;
}

void DiskRun::take_match(const std::string& path, const local::LogMatch& match, Time seen,
                         SourceBatch& batch) {
  if (info_.historic || !error_.empty() || !told_at_once(match.kind, match.own)) return;
  error_ = match.kind;
  Observation facts = log_facts(path, "console", match.time == Time{} ? seen : match.time);
  auto& attributes = facts.attributes;
  attributes.emplace_back("error", match.kind);
  attributes.emplace_back("detail", printable_path(match.detail));
  attributes.emplace_back("severity", std::string(to_string(match.severity)));
  attributes.emplace_back("own", own_severity(match.kind, match.own, match.severity));
  attributes.emplace_back("deadly", match.deadly);
  attributes.emplace_back("rank", printable_path(match.rank));
  attributes.emplace_back("where", printable_path(match.where));
  attributes.emplace_back("line", static_cast<double>(match.line));
  batch.inputs.emplace_back(std::move(facts));
}

void DiskRun::went_on(const std::string& path, Time now, SourceBatch& batch) {
  if (error_.empty() && cause_.empty()) return;
  Observation facts = log_facts(path, "console", now);
  if (const auto before = std::exchange(state_before_end_, std::nullopt)) info_.state = *before;
  if (!error_.empty()) facts.attributes.emplace_back("error", std::string{});
  if (!cause_.empty()) facts.attributes.emplace_back("cause", std::string{});
  error_.clear();
  cause_.clear();
  batch.inputs.emplace_back(std::move(facts));
}

void DiskRun::grew(Time now, SourceBatch& batch) {
  if (state_before_end_) went_on(std::string(end_said_by_), now, batch);
}

void DiskRun::judge_log(const std::string& path, const local::LastWords& words, bool sure, Time now,
                        SourceBatch& batch) {
  if (words.completed && place_.wandb_id.empty() && !words.cause) completed(now);
  if (!words.cause || info_.historic || (superseded_ && !attached_) || cause_ == words.cause->kind) return;
  if (exit_code_ && *exit_code_ == 0) return;
  const local::LogMatch& cause = *words.cause;
  cause_ = cause.kind;
  Observation facts = log_facts(path, "console", now);
  facts.attributes.emplace_back("cause", cause.kind);
  facts.attributes.emplace_back("cause_detail", printable_path(cause.detail));
  facts.attributes.emplace_back("exception", printable_path(cause.exception));
  facts.attributes.emplace_back("where", printable_path(cause.where));
  facts.attributes.emplace_back("line", static_cast<double>(cause.line));
  facts.attributes.emplace_back("rank", printable_path(cause.rank));
  batch.inputs.emplace_back(std::move(facts));
  if (sure && !attached_ && !exit_code_ && !has_ended(info_.state)) {
    state_before_end_ = info_.state;
    end_said_by_ = path;
    info_.state = cause.kind == "interrupted" ? RunState::killed : RunState::failed;
  }
}

void DiskRun::take(LocalKind kind, const std::string& path, const std::string& prefix,
                   local::LocalEvent& event, Time seen, const RowBuilder& builder, SourceBatch& batch) {
  if (auto* identity = std::get_if<local::RunIdentity>(&event.what)) return take_identity(*identity);
  if (auto* change = std::get_if<local::ConfigChange>(&event.what)) {
    if (!change->values.is_object()) return;
    for (auto& [name, value] : change->values.items()) {
      if (name != "_wandb") info_.config[name] = std::move(value);
    }
    for (const std::string& name : change->removed) info_.config.erase(name);
    return;
  }
  if (auto* exit = std::get_if<local::Exit>(&event.what)) {
    exit_code_ = exit->code;
    state_before_end_.reset();
    info_.state = exit->code == 0 ? RunState::finished : RunState::failed;
    totals_due_ = totals_.has_value();
    return;
  }
  if (std::holds_alternative<local::Preempting>(event.what)) {
    info_.state = RunState::preempting;
    return;
  }
  if (auto* summary = std::get_if<local::SummaryRow>(&event.what)) {
    if (auto built = builder.build_summary(summary->values, target("wandb_file"))) {
      trackers_[tracker_key(LocalKind::wandb, "")].place(*built);
      totals_ = std::move(built->observation);
      if (totals_->time == Time{}) totals_->time = seen;
      totals_due_ = exit_code_.has_value();
    }
    return;
  }
  if (!named()) return;
  if (auto* row = std::get_if<local::Row>(&event.what)) {
    introduce(batch, seen);
    take_row(kind, prefix, *row, seen, builder, batch);
  } else if (auto* system = std::get_if<local::SystemRow>(&event.what)) {
    take_system(*system, builder, batch);
  } else if (std::holds_alternative<local::Progress>(event.what)) {
    last_sign_ = std::max(last_sign_, seen);
  } else if (auto* match = std::get_if<local::LogMatch>(&event.what)) {
    introduce(batch, seen);
    take_match(path, *match, seen, batch);
  } else if (auto* alert = std::get_if<local::UserAlert>(&event.what)) {
    if (info_.historic) return;
    introduce(batch, seen);
    Observation facts = log_facts(path, "wandb_file", seen);
    facts.attributes.emplace_back("alert_title", alert->title);
    facts.attributes.emplace_back("alert_text", alert->text.substr(0, 2000));
    facts.attributes.emplace_back("alert_level", alert->level);
    batch.inputs.emplace_back(std::move(facts));
  }
}

void DiskRun::completed(Time at) {
  if (!place_.wandb_id.empty() || has_ended(info_.state)) return;
  info_.state = RunState::finished;
  written(at);
}

void DiskRun::lost(Time at) {
  // Only a run that says how it ends can be said to have ended without it.
  if (has_ended(info_.state) || (place_.wandb_id.empty() && !kinds_.contains(LocalKind::trainer_state)))
    return;
  info_.state = RunState::crashed;
  written(at);
}

void DiskRun::first_seen(Time at) {
  if (info_.created_at == Time{}) info_.created_at = at;
}

void DiskRun::written(Time at) {
  info_.heartbeat_at = std::max(info_.heartbeat_at, at);
}

/// But for when it was last written.
bool DiskRun::told_already() {
  if (!told_) return false;
  const Time written = std::exchange(info_.heartbeat_at, told_->heartbeat_at);
  const bool same = info_ == *told_;
  info_.heartbeat_at = written;
  return same;
}

void DiskRun::settle(SourceBatch& batch, Time now) {
  if (!named() || superseded_) return;
  // trainer_state.json grows until training ends; a lone console or TensorBoard log does not say whether it
  // goes on.
  if (info_.state == RunState::unknown && kinds_.contains(LocalKind::trainer_state))
    info_.state = RunState::running;
  introduce(batch, now);
  for (const std::string& path : std::exchange(logs_read_, {})) {
    if (info_.historic) continue;
    Observation facts = log_facts(path, "console", now);
    facts.attributes.emplace_back("read", true);
    batch.inputs.emplace_back(std::move(facts));
  }
  if (totals_due_ && totals_) {
    totals_->run = totals_->subject.key = info_.key;
    batch.inputs.emplace_back(*totals_);
    totals_due_ = false;
  }
  if (told_already()) return;
  derive_identity(info_);
  if (told_already()) return;
  const Time when = has_ended(info_.state) && info_.heartbeat_at != Time{} ? info_.heartbeat_at : now;
  batch.inputs.emplace_back(run_facts(info_, "disk", when));
  batch.runs.push_back(info_);
  told_ = info_;
}

std::string DiskRun::serialize_attempts(LocalKind kind, const std::string& prefix) const {
  const auto found = trackers_.find(tracker_key(kind, prefix));
  return found == trackers_.end() ? std::string() : found->second.serialize();
}

void DiskRun::restore_attempts(LocalKind kind, const std::string& prefix, const std::string& text) {
  if (!text.empty()) trackers_[tracker_key(kind, prefix)] = AttemptTracker::restored(text);
}

}  // namespace redflag::daemon::follow
