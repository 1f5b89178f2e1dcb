// The driver: events of the watcher make files dirty; dirty files are read in pieces, `.wandb` files first,
// for they say whose the others are; what they tell goes to the intake with the positions reached.
#include "daemon/follow/local_source.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/base/log.h"
#include "daemon/monitor/submit.h"
#include "daemon/results/printable.h"
#include "daemon/results/watch_waiter.h"
#include "daemon/runs/json_text.h"

namespace redflag::daemon::follow {
namespace {

using nlohmann::json;

constexpr std::size_t kMostInputs = 4000;  // of a batch
constexpr std::size_t kMostTroubles = 1000;

std::string_view parent_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

LocalSource::LocalSource(asio::any_io_executor executor, Clock& clock, JoinedIntake& intake,
                         FileSystem& files, InotifyApi& inotify, const MetricNames& names,
                         LocalSettings settings)
    : executor_(std::move(executor)),
      clock_(clock),
      intake_(intake),
      files_(files),
      builder_(names),
      settings_(std::move(settings)),
      watcher_(settings_.root, files, inotify, settings_.watcher),
      name_("local:" + printable_path(watcher_.root())) {
  if (settings_.patterns == nullptr) settings_.patterns = &local::LogPatterns::shipped();
}

LocalSource::~LocalSource() = default;

void LocalSource::complain(const std::string& path, const std::string& what) {
  if (troubles_.size() >= kMostTroubles && !troubles_.contains(path)) return;
  std::string& known = troubles_[path];
  if (known == what) return;
  known = what;
  log_warning("local", "{}: {}", printable_path(path), what);
}

DiskRun& LocalSource::run_of(const LocalPlace& place) {
  auto& run = runs_[place.group];
  if (!run) run = std::make_unique<DiskRun>(place);
  return *run;
}

LocalSource::Entry& LocalSource::obtain(const LocalPlace& place, const std::string& path,
                                        const std::string& key) {
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
  Entry& entry = entries_.emplace(key, Entry(std::make_unique<TailedFile>(place, path, *settings_.patterns)))
                     .first->second;
  DiskRun& run = run_of(place);
  run.has(place.kind);
  const auto kept = reborn_.contains(key) ? std::nullopt : intake_.disk().cursor(name_, printable_path(key));
  const json value = kept ? json::parse(*kept, nullptr, false) : json();
  if (value.is_object() && entry.file->restore(value.value("f", json()))) {
    entry.restored = true;
    run.restore_attempts(place.kind, place.prefix, value.value("a", std::string()));
    const std::string run_key = value.value("k", std::string());
    if (!run_key.empty() && !run.named()) {
      if (value.value("h", false)) run.set_historic();
      if (value.value("q", false)) run.supersede();
      if (value.value("t", false)) run.attach();
      run.name(run_key, intake_.disk().run(run_key));
    }
    entry.skip = value.value("x", false);
  }
  return entry;
}

void LocalSource::note_file(const std::string& path, const FileStat* stat) {
  const LocalPlace place = local_place(path, settings_.logs);
  if (place.kind == LocalKind::none || (settings_.logs_only && place.kind != LocalKind::console)) return;
  if (stat != nullptr && stat->type != FileType::regular) return;
  const bool state = place.kind == LocalKind::trainer_state;
  const std::string key = state ? place.group + "/trainer_state.json" : path;
  const bool fresh = !entries_.contains(key);
  Entry& entry = obtain(place, path, key);
  if (state) {
    // The newest tells the whole history.
    const Result<FileStat> now = stat != nullptr ? Result<FileStat>(*stat) : files_.stat(path);
    if (!now) return;
    const std::int64_t checkpoint = checkpoint_number(name_of(parent_of(path)));
    const bool newer =
        now->modified > entry.modified || (now->modified == entry.modified && checkpoint >= entry.checkpoint);
    if (!fresh && !newer) return;
    entry.file->point_to(path);
    entry.checkpoint = checkpoint;
    entry.modified = now->modified;
  }
  if (stat != nullptr) {
    // A listing of what is known and has not changed is no news.
    if (!fresh && entry.live && !state && stat->size == entry.file->size() &&
        stat->modified == entry.file->modified())
      return;
    entry.modified = std::max(entry.modified, stat->modified);
  }
  Time& newest = group_modified_[place.group];
  newest = std::max(newest, entry.modified);
  dirty_.insert(key);
}

void LocalSource::forget(const std::string& path) {
  const auto found = entries_.find(path);
  if (found == entries_.end() || found->second.file->path() != path) return;
  entries_.erase(found);
  cursors_due_.insert(path);  // its position goes, too
  dirty_.erase(path);
  waiting_.erase(path);
  troubles_.erase(path);
}

void LocalSource::note(const FileEvent& event) {
  switch (event.kind) {
    case FileEvent::Kind::created:
    case FileEvent::Kind::modified:
    case FileEvent::Kind::closed:
    case FileEvent::Kind::moved_in:
      note_file(event.path, nullptr);
      break;
    case FileEvent::Kind::removed:
      forget(event.path);
      break;
    case FileEvent::Kind::rescan:
      for (const ListedFile& file : event.files) note_file(event.path + '/' + file.name, &file.stat);
      break;
    case FileEvent::Kind::dir_removed: {
      const std::string below = event.path + '/';
      for (auto entry = entries_.lower_bound(below);
           entry != entries_.end() && entry->first.starts_with(below);) {
        const std::string path = (entry++)->first;
        forget(path);
      }
      break;
    }
    case FileEvent::Kind::scan_complete:
      listed_ = true;
      break;
    case FileEvent::Kind::dir_added:
    case FileEvent::Kind::root_absent:
      break;
  }
}

/// Old or not is decided once, by the newest of a run's files. False: nothing of this file is wanted.
bool LocalSource::check_age(Entry& entry, DiskRun& run) {
  if (entry.checked) return !entry.skip;
  entry.checked = true;
  if (entry.restored) return !entry.skip;
  Time newest = std::max(entry.modified, group_modified_[entry.file->place().group]);
  if (newest == Time{}) {
    const auto stat = files_.stat(entry.file->path());
    if (stat) newest = stat->modified;
  }
  run.first_seen(entry.modified != Time{} ? entry.modified : newest);
  if (newest == Time{} || clock_.now() - newest <= settings_.old_after) return true;
  run.set_historic();
  const LocalKind kind = entry.file->place().kind;
  entry.skip = kind != LocalKind::wandb && kind != LocalKind::trainer_state;
  return !entry.skip;
}

void LocalSource::apply(Entry& entry, DiskRun& run, Events& events, Time seen, SourceBatch& batch) {
  const LocalPlace& place = entry.file->place();
  const std::string& path = entry.file->path();
  std::size_t last_row = events.size();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (std::holds_alternative<local::Row>(events[i].what)) last_row = i;
  }
  const bool at_end = entry.file->at_end();
  for (std::size_t i = 0; i < events.size(); ++i) {
    local::LocalEvent& event = events[i];
    if (const auto* trouble = std::get_if<local::Trouble>(&event.what)) {
      if (trouble->kind == local::Trouble::Kind::rewritten) {
        if (run.named()) intake_.read_again(run.key(), std::string(source_of(place.kind)));
      } else if (trouble->kind != local::Trouble::Kind::restarted) {
        complain(path, trouble->what);
      }
      continue;
    }
    if (std::holds_alternative<local::RunIdentity>(event.what)) {
      run.take(place.kind, path, place.prefix, event, seen, builder_, batch);
      decide_name(run, path, false);
      continue;
    }
    const bool of_the_whole = std::holds_alternative<local::ConfigChange>(event.what) ||
                              std::holds_alternative<local::Exit>(event.what) ||
                              std::holds_alternative<local::SummaryRow>(event.what);
    if (!run.named() && !of_the_whole) decide_name(run, path, true);
    // Of many rows that came at once only the last one's time is known.
    const bool row = std::holds_alternative<local::Row>(event.what);
    run.take(place.kind, path, place.prefix, event, row && (i != last_row || !at_end) ? Time{} : seen,
             builder_, batch);
  }
}

bool LocalSource::read_entry(const std::string& key, Entry& entry, SourceBatch& batch) {
  DiskRun& run = run_of(entry.file->place());
  const LocalKind kind = entry.file->place().kind;
  if (run.historic() && entry.checked && entry.modified != Time{} &&
      clock_.now() - entry.modified <= settings_.old_after) {
    // It lives again, and its curves are wanted from their beginning.
    reborn_.insert(key);
    runs_[entry.file->place().group] = std::make_unique<DiskRun>(entry.file->place());
    forget(key);
    return false;
  }
  if (!check_age(entry, run)) {
    cursors_due_.insert(key);
    return false;
  }
  if (kind != LocalKind::wandb && !run.named() && !decide_name(run, entry.file->path(), false)) {
    waiting_.insert(key);
    return false;
  }
  // A script came to tell of the run itself, after its first file was seen.
  if (kind != LocalKind::wandb && run.named() && !run.superseded() && run.place().wandb_id.empty() &&
      intake_.spoken_for(run.key()))
    run.attach();
  // One log of a script that trains one run after the other is the living one's.
  if (kind == LocalKind::console && run.attached() && run.place().wandb_id.empty()) {
    const std::string writer = intake_.writer_of(entry.file->path());
    if (!writer.empty() && writer != run.key()) name_run(run, writer);
  }
  const bool was_live = entry.live;
  Events events;
  const ReadResult result = entry.file->read(files_, events);
  // Whoever flushes an event file has ended the row: nothing in the file says so.
  if (kind == LocalKind::tensorboard && result.grew && entry.file->at_end()) entry.file->flush(events);
  const Time now = clock_.now();
  const Time modified = std::min(entry.file->modified(), now);
  const Time seen = was_live && entry.began ? now : modified;
  entry.modified = std::max(entry.modified, entry.file->modified());
  if (!result.trouble.empty()) {
    complain(entry.file->path(), result.trouble);
  } else if (result.grew) {
    troubles_.erase(entry.file->path());
  }
  if (result.began_anew) {
    complain(entry.file->path(), "was replaced or cut; it is read from its beginning again");
    if (run.named()) intake_.read_again(run.key(), std::string(source_of(kind)));
  }
  if (result.grew) {
    entry.began = true;
    cursors_due_.insert(key);
    entry.unflushed = true;
    entry.grew_at = clock_.monotonic();
    if (was_live) lag_seconds_ = std::chrono::duration<double>(now - modified).count();
    run.written(modified);
  }
  const std::uint64_t rows_before = run.rows();
  apply(entry, run, events, seen, batch);
  rows_ += run.rows() - rows_before;
  entry.live = entry.live || entry.file->at_end();
  if (kind == LocalKind::console && entry.live && !was_live) run.read_whole(entry.file->path());
  after_read(entry, run, result, seen, batch);
  if (run.named()) touched_.insert(&run);
  return result.more;
}

/// An event file grew that is read as it is written: what is left of its row comes at once.
bool LocalSource::row_may_be_in_writing() const {
  return listed_ && std::any_of(dirty_.begin(), dirty_.end(), [&](const std::string& key) {
           const auto found = entries_.find(key);
           return found != entries_.end() && found->second.live &&
                  found->second.file->place().kind == LocalKind::tensorboard;
         });
}

/// False: there is nothing more to read at once.
bool LocalSource::read_round(SourceBatch& batch) {
  if (!listed_) return false;
  if (!dirty_.empty()) read_at_ = clock_.monotonic();
  std::size_t pieces = 0;
  bool wandb = true;
  for (const bool first : {true, false}) {
    if (!first && wandb) break;  // files whose run is known only once these are read
    wandb = false;
    // What is read can make other files dirty, or this one anew.
    std::set<std::string> keys = std::move(dirty_);
    dirty_.clear();
    while (!keys.empty()) {
      auto node = keys.extract(keys.begin());
      const std::string& key = node.value();
      const auto found = entries_.find(key);
      if (found == entries_.end()) continue;
      if ((found->second.file->place().kind == LocalKind::wandb) != first) {
        dirty_.insert(std::move(node));
        continue;
      }
      bool more = true;
      while (more && pieces < settings_.pieces_per_round && batch.inputs.size() < kMostInputs) {
        ++pieces;
        more = read_entry(key, found->second, batch);
        if (!entries_.contains(key)) break;
      }
      if (!entries_.contains(key)) {
        note_file(key, nullptr);  // forgotten, to be begun anew
        continue;
      }
      if (first && more) wandb = true;
      if (more) dirty_.insert(std::move(node));
    }
  }
  settle_runs(batch);
  return !dirty_.empty();
}

asio::awaitable<void> LocalSource::hand_over(SourceBatch batch) {
  const Duration now = clock_.monotonic();
  if (batch.inputs.empty() && batch.runs.empty() &&
      (cursors_due_.empty() || now < cursors_at_ + settings_.cursor_every))
    co_return;
  for (const std::string& key : std::exchange(cursors_due_, {})) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
      batch.cursors.push_back({name_, printable_path(key), {}});
      continue;
    }
    const Entry& entry = found->second;
    const LocalPlace& place = entry.file->place();
    const DiskRun& run = run_of(place);
    reborn_.erase(key);
    batch.cursors.push_back(
        {name_, printable_path(key),
         fmt::format(R"({{"f":{},"a":{},"k":{},"h":{},"q":{},"t":{},"x":{}}})", entry.file->position(),
                     json_text(run.serialize_attempts(place.kind, place.prefix)), json_text(run.key()),
                     run.historic(), run.superseded(), run.attached(), entry.skip)});
  }
  cursors_at_ = now;
  batch.read_again = true;
  co_await intake_.disk().submit(std::move(batch));
}

asio::awaitable<void> LocalSource::run() {
  WatchWaiter waiter(executor_, watcher_.fd());
  std::vector<FileEvent> events;
  for (;;) {
    events.clear();
    bool more = watcher_.turn(clock_.monotonic(), events);
    for (const FileEvent& event : events) note(event);
    if (row_may_be_in_writing()) co_await clock_.sleep(settings_.row_written_within);
    SourceBatch batch;
    if (read_round(batch)) more = true;
    co_await hand_over(std::move(batch));
    if (clock_.monotonic() >= upkeep_at_) {
      upkeep_at_ = clock_.monotonic() + settings_.quiet_after;
      co_await upkeep();
    }
    if (more) {
      co_await clock_.sleep(Duration::zero());
      continue;
    }
    const Duration until = std::min(watcher_.next_deadline(), upkeep_at_);
    const Duration wait = std::max(Duration::zero(), until - clock_.monotonic());
    const bool readable = co_await waiter.wait(clock_, wait);
    // What is written in quick succession is read, judged and committed together.
    const Duration rest = read_at_ + settings_.pace - clock_.monotonic();
    if (readable && rest > Duration::zero()) co_await clock_.sleep(rest);
  }
}

}  // namespace redflag::daemon::follow
