// What is known of runs as a whole: whose a file is, how runs end, whether they are silent, how the source
// is.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/follow/local_source.h"
#include "daemon/results/printable.h"

namespace redflag::daemon::follow {
namespace {

constexpr std::uint64_t kWandbBlock = 32768;
constexpr Duration kTensorboardFlush = std::chrono::minutes{2};  // SummaryWriter writes that seldom
/// A console that was alive at the time of the last row can bear witness of a silence since.
constexpr Duration kWitness = std::chrono::minutes{1};

std::string parent_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace

/// The key that W&B's API would give it; empty: entity or project is not known.
std::string LocalSource::service_key(const RunInfo& info) const {
  if (info.project.empty() || info.id.empty()) return {};
  if (info.project.find('/') != std::string::npos)
    return settings_.wandb_host + '/' + info.project + '/' + info.id;
  std::string key;
  for (const auto& [entity, project] : settings_.projects) {
    if (project != info.project) continue;
    if (!key.empty()) return {};  // of two entities: not to be told
    key = settings_.wandb_host + '/' + entity + '/' + project + '/' + info.id;
  }
  return key;
}

void LocalSource::name_run(DiskRun& run, std::string key) {
  key = intake_.known_as(key);
  const bool historic = run.historic();
  run.name(key, intake_.disk().run(key));
  if (historic) run.set_historic();
  // Of several directories of one run (it was resumed) the newest says how it goes.
  if (run.place().wandb_id.empty()) return;
  for (const auto& [group, other] : runs_) {
    if (other.get() == &run || other->key() != key || other->place().wandb_id.empty()) continue;
    const auto time_of = [](const std::string& path) {
      const std::size_t at = path.rfind("run-");
      return at == std::string::npos ? path : path.substr(at);
    };
    DiskRun& older = time_of(group) < time_of(run.place().group) ? *other : run;
    older.supersede();
  }
}

bool LocalSource::decide_name(DiskRun& run, const std::string& path, bool force) {
  const LocalPlace& place = run.place();
  const std::string service = place.wandb_id.empty() && !place.lone ? std::string() : service_key(run.info());
  if (run.named()) {
    if (!service.empty()) intake_.same_run(service, run.key());
    return true;
  }
  if (!service.empty()) {
    name_run(run, service);
    return true;
  }
  if (!place.wandb_id.empty()) {
    std::vector<std::string> known;
    for (const auto& [entity, project] : settings_.projects) {
      std::string key = settings_.wandb_host + '/' + entity + '/' + project + '/' + run.info().id;
      if (intake_.disk().run(key) != nullptr) known.push_back(std::move(key));
    }
    if (known.size() == 1) {
      name_run(run, known.front());
      return true;
    }
    const auto [since, first] = unnamed_since_.try_emplace(place.group, clock_.monotonic());
    const bool waited = clock_.monotonic() - since->second >= settings_.identity_wait;
    // A file that has a beginning has told who it is, or never will.
    if (!force && !waited && !run.historic()) return false;
    name_run(run, "file:" + printable_path(place.group));
    intake_.expect_id(run.info().id, run.key());
    return true;
  }
  std::vector<std::string> places;
  if (!place.lone) places = {place.group, parent_of(path)};
  if (place.kind == LocalKind::console) places.push_back(path);  // where a process's output goes
  for (const std::string& written : places) {
    const std::string writer = intake_.writer_of(written);
    if (writer.empty()) continue;
    name_run(run, writer);
    run.attach();  // the W&B run's own directory, the API, or the script itself says how it goes
    return true;
  }
  name_run(run, "file:" + printable_path(place.group));
  if (run.historic()) return true;
  if (!place.lone) intake_.expect_directory(place.group, run.key());
  if (place.kind == LocalKind::console) intake_.expect_directory(path, run.key());
  return true;
}

void LocalSource::after_read(Entry& entry, DiskRun& run, const ReadResult& result, Time seen,
                             SourceBatch& batch) {
  if (!run.named()) {
    // The end of a file that never said who it is.
    if (entry.file->at_end() && result.grew) decide_name(run, entry.file->path(), run.said_goodbye());
    if (!run.named()) {
      waiting_.insert(entry.file->path());
      return;
    }
  }
  const LocalKind kind = entry.file->place().kind;
  if (kind == LocalKind::wandb) {
    if (std::vector<std::string> directories =
            directories_of(run.info().config, working_directory_of(run.place().group));
        !directories.empty())
      intake_.writes_to(run.key(), std::move(directories));
    if (run.historic() && entry.file->at_end() && !run.ended()) run.lost(entry.file->modified());
  }
  if (kind == LocalKind::trainer_state) {
    if (entry.file->finished()) run.completed(entry.file->modified());
    if (run.historic() && !run.ended()) run.lost(entry.file->modified());
  }
  if (result.grew && !run.historic()) {
    run.grew(clock_.now(), batch);
    const bool training = kind == LocalKind::console && result.quiet_lines;
    intake_.note_sign(run.key(), std::max(seen, run.last_sign()), training || run.last_sign() >= seen);
  }
  if (kind == LocalKind::console && result.grew && entry.file->last_words(std::nullopt).went_on)
    run.went_on(entry.file->path(), clock_.now(), batch);
}

void LocalSource::settle_runs(SourceBatch& batch) {
  for (DiskRun* const run : touched_) {
    // What it died of is told before its end.
    if (run->exit_code().value_or(0) != 0) {
      for (auto& [path, entry] : entries_) {
        if (entry.file->place().group != run->place().group) continue;
        if (entry.file->place().kind != LocalKind::console || dirty_.contains(path)) continue;
        run->judge_log(path, entry.file->last_words(run->exit_code()), true, clock_.now(), batch);
      }
    }
    run->settle(batch, clock_.now());
  }
  touched_.clear();
}

void LocalSource::flush_quiet(Duration now, SourceBatch& batch) {
  for (auto& [path, entry] : entries_) {
    if (!entry.unflushed || now - entry.grew_at < settings_.quiet_after) continue;
    entry.unflushed = false;
    DiskRun& run = run_of(entry.file->place());
    if (!run.named()) continue;
    Events events;
    entry.file->flush(events);
    if (events.empty()) continue;
    const std::uint64_t before = run.rows();
    apply(entry, run, events, std::min(entry.file->modified(), clock_.now()), batch);
    rows_ += run.rows() - before;
    cursors_due_.insert(path);
    touched_.insert(&run);
  }
}

void LocalSource::judge_logs(Duration now, SourceBatch& batch) {
  std::map<std::string_view, Duration> grew;  // the whole run is to be silent, not only its log
  for (const auto& [path, entry] : entries_) {
    Duration& newest = grew[entry.file->place().group];
    newest = std::max(newest, entry.grew_at);
  }
  for (auto& [path, entry] : entries_) {
    if (entry.file->place().kind != LocalKind::console || !entry.began || entry.unflushed) continue;
    DiskRun& run = run_of(entry.file->place());
    if (!run.named() || run.historic()) continue;
    const RunInfo* known = intake_.disk().run(run.key());
    const bool over = run.ended() || (known != nullptr && has_ended(known->state));
    if (!over && now - grew[entry.file->place().group] < settings_.dead_after) continue;
    // Of a run that others tell of, too, these files are only a part.
    if (!over && run.attached() && clock_.now() - intake_.last_heard(run.key()) < settings_.dead_after)
      continue;
    run.judge_log(path, entry.file->last_words(run.exit_code()), true, clock_.now(), batch);
    touched_.insert(&run);
  }
}

/// Who can bear witness that nothing happened says so: see silence.h.
void LocalSource::tell_watermarks(SourceBatch& batch) {
  const Time now = clock_.now();
  std::map<const DiskRun*, Time> told;
  for (const auto& [path, entry] : entries_) {
    const DiskRun& run = run_of(entry.file->place());
    if (!entry.began || !entry.live || dirty_.contains(path) || run.historic() || run.ended() || !run.named())
      continue;
    Time mark;
    switch (entry.file->place().kind) {
      case LocalKind::console:
        if (run.last_row() == Time{} || run.last_sign() + kWitness >= run.last_row()) mark = now;
        break;
      case LocalKind::json_lines:
        mark = now;
        break;
      case LocalKind::tensorboard:
        mark = now - kTensorboardFlush;
        break;
      case LocalKind::wandb:
        // Of whole blocks only: the newer SDK, which keeps up to 32 KiB to itself.
        if (entry.file->size() % kWandbBlock != 0) mark = now;
        break;
      case LocalKind::trainer_state:
      case LocalKind::none:
        break;
    }
    if (mark != Time{}) told[&run] = std::max(told[&run], mark);
  }
  for (const auto& [run, mark] : told)
    batch.inputs.emplace_back(Watermark{{SubjectKind::run, run->key()}, mark});
}

void LocalSource::tell_health(SourceBatch& batch, Duration now) {
  const WatchHealth health = watcher_.health();
  if (health.present && !listed_) return;
  std::string degraded = health.degraded;
  if (!troubles_.empty()) {
    degraded += fmt::format("{}{} file{} with trouble, such as {}: {}", degraded.empty() ? "" : "; ",
                            troubles_.size(), troubles_.size() == 1 ? "" : "s",
                            printable_path(troubles_.begin()->first), troubles_.begin()->second);
  }
  const bool changed = !health_told_ || degraded != told_degraded_ || health.watching != told_watching_;
  if (!changed && now < health_at_ + settings_.health_every) return;
  const double seconds = std::chrono::duration<double>(now - health_at_).count();
  std::size_t active = 0;
  for (const auto& [group, run] : runs_) active += run->named() && !run->ended() && !run->historic() ? 1 : 0;
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::source, name_};
  facts.source = "local";
  facts.time = clock_.now();
  facts.attributes = {{"kind", std::string("local")},
                      {"reachable", health.present},
                      {"watching", health.watching},
                      {"files", static_cast<double>(entries_.size())},
                      {"runs", static_cast<double>(runs_.size())},
                      {"active_runs", static_cast<double>(active)},
                      {"rows_per_second",
                       health_told_ && seconds > 0 ? static_cast<double>(rows_ - rows_told_) / seconds : 0.0},
                      {"lag_seconds", lag_seconds_},
                      {"last_success", to_unix_seconds(clock_.now())},
                      {"degraded", degraded}};
  batch.inputs.emplace_back(std::move(facts));
  health_told_ = true;
  health_at_ = now;
  rows_told_ = rows_;
  told_degraded_ = std::move(degraded);
  told_watching_ = health.watching;
}

asio::awaitable<void> LocalSource::upkeep() {
  const Duration now = clock_.monotonic();
  for (const std::string& key : std::exchange(waiting_, {})) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) continue;
    DiskRun& run = run_of(entry->second.file->place());
    if (run.named() || decide_name(run, entry->second.file->path(), false)) {
      dirty_.insert(key);
      touched_.insert(&run);
    } else {
      waiting_.insert(key);
    }
  }
  SourceBatch batch;
  flush_quiet(now, batch);
  judge_logs(now, batch);
  for (const auto& [group, run] : runs_) {
    const bool silent =
        run->info().heartbeat_at != Time{} && clock_.now() - run->info().heartbeat_at > settings_.old_after;
    if (!silent || !run->named() || run->ended() || run->superseded()) continue;
    run->lost(run->info().heartbeat_at);
    touched_.insert(run.get());
  }
  settle_runs(batch);
  if (now >= marks_at_ + settings_.watermark_every) {
    marks_at_ = now;
    tell_watermarks(batch);
    co_await intake_.tell_overdue();
  }
  tell_health(batch, now);
  co_await hand_over(std::move(batch));
}

}  // namespace redflag::daemon::follow
