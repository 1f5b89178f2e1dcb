// Events in: which directories and files there are, and when each was last touched.
#include "daemon/results/results_model.h"

#include <utility>

namespace redflag::daemon {

ResultsModel::ResultsModel(std::string root, FileSystem& files, ResultsTiming timing)
    : root_(std::move(root)), files_(files), timing_(timing) {}

std::string ResultsModel::relative(const std::string& path) const {
  if (path.size() <= root_.size()) return {};
  return path.substr(root_ == "/" ? 1 : root_.size() + 1);
}

void ResultsModel::apply(const FileEvent& event, Moment now) {
  switch (event.kind) {
    case FileEvent::Kind::dir_added:
      add_directory(event.path, now);
      break;
    case FileEvent::Kind::dir_removed:
      remove_directories(event.path, now);
      break;
    case FileEvent::Kind::rescan:
      reconcile(event, now);
      return;  // our own doing, not something that happened there
    case FileEvent::Kind::root_absent:
      root_absent(now);
      return;
    case FileEvent::Kind::scan_complete:
      scan_complete(now);
      return;
    default:
      note_file(event.path, event.kind, now);
  }
  last_event_ = now.wall;
}

void ResultsModel::add_directory(const std::string& path, Moment now) {
  if (path == root_) {
    present_ = true;
    absent_since_.reset();
  }
  const auto [it, fresh] = dirs_.try_emplace(path);
  DirRecord& dir = it->second;
  const bool was_stale = std::exchange(dir.stale, false);
  if (!fresh) {
    if (was_stale && !dir.judgement.told) touch(path, dir, now.monotonic, now);
    return;
  }
  const DirPlace place = place_below(root_, path);
  const std::size_t slash = path.rfind('/');
  const auto above = slash == std::string::npos ? dirs_.end() : dirs_.find(path.substr(0, slash));
  // A folder in a checkpoint says how its state was saved (global_step100: DeepSpeed).
  if (above != dirs_.end() && is_checkpoint(above->second.role))
    notify(above->first, path.substr(slash + 1), nullptr, Verdict::ok);
  dir.role = place.role;
  dir.step = place.step;
  dir.last_change = Duration::min() / 2;  // overtaken by whatever is found out about it
  if (dir.role != DirRole::step && dir.role != DirRole::series && !is_checkpoint(dir.role)) return;
  Duration age{};
  if (const auto stat = files_.stat(path)) age = std::max(Duration::zero(), now.wall - stat->modified);
  touch(path, dir, now.monotonic - age, now);
  if (dir.role == DirRole::step) touch_series(path, now);
}

DirTable::iterator ResultsModel::erase_directory(DirTable::iterator it, const std::string& reason,
                                                 Moment now) {
  DirRecord& dir = it->second;
  for (auto& [name, file] : dir.files) {
    if (!shut_.empty()) note_shut(it->first + '/' + name, false);
    tell_gone(it->first, dir, name, file.judgement, reason, now);
    schedule(it->first, name, file.deadline, kNoDeadline);
  }
  tell_gone(it->first, dir, {}, dir.judgement, reason, now);
  schedule(it->first, {}, dir.deadline, kNoDeadline);
  file_count_ -= dir.files.size() + dir.others.size();
  return dirs_.erase(it);
}

void ResultsModel::remove_directories(const std::string& path, Moment now) {
  const std::string reason = "the directory was deleted or moved";
  auto it = dirs_.find(path);
  const bool was_step = it != dirs_.end() && it->second.role == DirRole::step;
  if (it != dirs_.end()) erase_directory(it, reason, now);
  it = dirs_.lower_bound(path + '/');
  while (it != dirs_.end() && it->first.compare(0, path.size() + 1, path + '/') == 0)
    it = erase_directory(it, reason, now);
  if (was_step) touch_series(path, now);
}

void ResultsModel::note_file(const std::string& path, FileEvent::Kind kind, Moment now) {
  const std::size_t slash = path.rfind('/');
  const std::string dir_path = slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = path.substr(slash + 1);
  auto it = dirs_.find(dir_path);
  if (it == dirs_.end()) {
    if (kind == FileEvent::Kind::removed) return;
    add_directory(dir_path, now);
    it = dirs_.find(dir_path);
  }
  DirRecord& dir = it->second;
  if (kind == FileEvent::Kind::removed) {
    remove_file(dir_path, dir, name, now);
    return;
  }
  const FileKind what = classify_file(dir.role, name);
  if (what == FileKind::other || what == FileKind::log || what == FileKind::temporary) {
    if (dir.others.insert(name, what == FileKind::log)) ++file_count_;
    return;
  }
  const auto [file_it, fresh] = dir.files.try_emplace(name);
  FileRecord& file = file_it->second;
  if (fresh) ++file_count_;
  file.kind = what;
  file.last_change = now.monotonic;
  file.closed = kind == FileEvent::Kind::closed || kind == FileEvent::Kind::moved_in;
  if (kind != FileEvent::Kind::modified) {
    // Looked at now, so that stillness can be told when the moment to check comes.
    const auto stat = files_.stat(path);
    file.seen = stat && stat->type == FileType::regular;
    if (file.seen) {
      file.size = stat->size;
      file.modified = stat->modified;
    }
  }
  const Duration at = now.monotonic + timing_.settle;
  // A busy writer must not move the deadline with each write: it is looked at again when it comes.
  if (file.closed || file.deadline == kNoDeadline || file.deadline > at)
    schedule(dir_path, name, file.deadline, at);
  touch(dir_path, dir, now.monotonic, now);
}

void ResultsModel::note_stat(const std::string& dir_path, DirRecord& dir, const std::string& name,
                             const FileStat& stat, Moment now) {
  const FileKind what = classify_file(dir.role, name);
  if (what == FileKind::other || what == FileKind::log || what == FileKind::temporary) {
    if (dir.others.insert(name, what == FileKind::log)) ++file_count_;
    return;
  }
  if (stat.type != FileType::regular) return;
  const auto [it, fresh] = dir.files.try_emplace(name);
  FileRecord& file = it->second;
  if (fresh) ++file_count_;
  file.kind = what;
  if (!fresh && file.seen && file.size == stat.size && file.modified == stat.modified) return;
  // Known by a listing only: how long it has been still is what its modification time says; in the future
  // means a clock that differs, so it counts as just changed and is timed by our own.
  const bool future = stat.modified > now.wall;
  const Duration age = future ? Duration::zero() : now.wall - stat.modified;
  if (!file.seen || file.size != stat.size || file.modified != stat.modified)
    file.closed = file.closed && !file.seen;
  file.seen = true;
  file.size = stat.size;
  file.modified = stat.modified;
  file.last_change = std::max(fresh ? Duration::min() : file.last_change, now.monotonic - age);
  const Duration at = std::max(now.monotonic, file.last_change + timing_.settle);
  if (file.deadline == kNoDeadline || file.deadline > at) schedule(dir_path, name, file.deadline, at);
  touch(dir_path, dir, file.last_change, now);
}

void ResultsModel::remove_file(const std::string& dir_path, DirRecord& dir, const std::string& name,
                               Moment now) {
  const auto it = dir.files.find(name);
  if (it == dir.files.end()) {
    if (dir.others.erase(name, is_log_name(name))) --file_count_;
    return;
  }
  schedule(dir_path, name, it->second.deadline, kNoDeadline);
  tell_gone(dir_path, dir, name, it->second.judgement, "the file was deleted or moved", now);
  note_shut(dir_path + '/' + name, false);
  dir.files.erase(it);
  --file_count_;
  touch(dir_path, dir, now.monotonic, now);  // the directory's own verdict will say if it is missed
}

void ResultsModel::reconcile(const FileEvent& event, Moment now) {
  add_directory(event.path, now);
  DirRecord& dir = dirs_.find(event.path)->second;
  std::vector<std::string_view> present;
  present.reserve(event.files.size());
  file_count_ -= dir.others.size();
  dir.others.clear();
  for (const ListedFile& file : event.files) {
    note_stat(event.path, dir, file.name, file.stat, now);
    present.push_back(file.name);
  }
  std::sort(present.begin(), present.end());
  std::vector<std::string> gone;
  for (const auto& [name, file] : dir.files) {
    if (!std::binary_search(present.begin(), present.end(), std::string_view(name))) gone.push_back(name);
  }
  for (const std::string& name : gone) remove_file(event.path, dir, name, now);
}

void ResultsModel::root_absent(Moment now) {
  present_ = false;
  if (absent_since_) return;
  absent_since_ = now.monotonic;
  // A disk that is unmounted for a moment is no reason to close alerts: all is kept until the root is back,
  // or given up.
  for (auto& [path, dir] : dirs_) {
    dir.stale = true;
    schedule(path, {}, dir.deadline, kNoDeadline);
    for (auto& [name, file] : dir.files) {
      schedule(path, name, file.deadline, kNoDeadline);
      file.seen = false;  // looked at afresh when it is back
    }
  }
}

void ResultsModel::scan_complete(Moment now) {
  for (auto it = dirs_.begin(); it != dirs_.end();) {
    it = it->second.stale ? erase_directory(it, "it is no longer there", now) : std::next(it);
  }
  listed_ = true;
  if (expected_.empty()) return;
  std::set<std::string> known;
  for (const auto& [path, dir] : dirs_) {
    known.insert(subject_of(path, dir, {}).key);
    for (const auto& [name, file] : dir.files) known.insert(subject_of(path, dir, name).key);
  }
  for (Subject& subject : expected_) {
    if (known.count(subject.key) == 0)
      findings_.push_back(Departed{std::move(subject), now.wall, "it is no longer there"});
  }
  expected_.clear();
}

}  // namespace redflag::daemon
