// Time in: what is due is looked at, judged and told.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "daemon/results/printable.h"
#include "daemon/results/results_judge.h"
#include "daemon/results/results_model.h"

namespace redflag::daemon {
namespace {

bool is_bad(Verdict verdict) {
  return verdict != Verdict::ok && verdict != Verdict::in_progress;
}

std::string_view what_of(DirRole role) {
  switch (role) {
    case DirRole::step:
      return "step";
    case DirRole::series:
      return "series";
    default:
      return "checkpoint";
  }
}

}  // namespace

void ResultsModel::schedule(const std::string& dir, const std::string& name, Duration& slot, Duration at) {
  if (slot == at) return;
  if (slot != kNoDeadline) due_.erase({slot, dir, name});
  slot = at;
  if (at != kNoDeadline) due_.insert({at, dir, name});
}

void ResultsModel::touch(const std::string& path, DirRecord& dir, Duration when, Moment now) {
  dir.last_change = std::max(dir.last_change, when);
  if (dir.role != DirRole::step && dir.role != DirRole::series && !is_checkpoint(dir.role)) return;
  if (dir.deadline == kNoDeadline) {
    schedule(path, {}, dir.deadline, std::max(now.monotonic, dir.last_change + timing_.step_settle));
  }
}

void ResultsModel::touch_series(const std::string& step_path, Moment now) {
  const auto it = dirs_.find(step_path.substr(0, step_path.rfind('/')));
  if (it == dirs_.end() || it->second.role != DirRole::series) return;
  touch(it->first, it->second, now.monotonic, now);
  if (place_below(root_, it->first).method.rfind("base", 0) != 0) return;
  // The base model's steps are part of what is said of the other series.
  const std::string all = it->first.substr(0, it->first.rfind('/'));
  for (auto other = dirs_.lower_bound(all + '/');
       other != dirs_.end() && other->first.compare(0, all.size() + 1, all + '/') == 0;) {
    if (other->second.role == DirRole::series) touch(other->first, other->second, now.monotonic, now);
    other = dirs_.lower_bound(other->first + '0');
  }
}

Duration ResultsModel::next_deadline() const {
  Duration next = due_.empty() ? kNoDeadline : std::get<0>(*due_.begin());
  if (absent_since_ && !dirs_.empty()) next = std::min(next, *absent_since_ + timing_.forget_root_after);
  return next;
}

bool ResultsModel::advance(Moment now, std::size_t max_checks) {
  if (absent_since_ && !dirs_.empty() && now.monotonic >= *absent_since_ + timing_.forget_root_after) {
    for (auto it = dirs_.begin(); it != dirs_.end();)
      it = erase_directory(it, "the results directory is gone", now);
  }
  while (!due_.empty() && std::get<0>(*due_.begin()) <= now.monotonic) {
    if (max_checks-- == 0) return true;
    const auto [at, path, name] = *due_.begin();
    due_.erase(due_.begin());
    const auto it = dirs_.find(path);
    if (it == dirs_.end()) continue;
    if (name.empty()) {
      it->second.deadline = kNoDeadline;
      check_due_directory(it->first, it->second, now);
    } else if (const auto file = it->second.files.find(name); file != it->second.files.end()) {
      file->second.deadline = kNoDeadline;
      check_due_file(it->first, it->second, file->first, now);
    }
  }
  return false;
}

void ResultsModel::check_due_file(const std::string& dir_path, DirRecord& dir, const std::string& name,
                                  Moment now) {
  FileRecord& file = dir.files.find(name)->second;
  const std::string path = dir_path + '/' + name;
  const auto stat = files_.stat(path);
  if (!stat) {
    if (stat.error().code == ErrorCode::not_found) {
      remove_file(dir_path, dir, std::string(name), now);
    } else {
      schedule(dir_path, name, file.deadline, now.monotonic + timing_.incomplete_after);
    }
    return;
  }
  if (stat->type != FileType::regular) {
    remove_file(dir_path, dir, std::string(name), now);
    return;
  }
  const bool told_bad = file.judgement.told && is_bad(file.judgement.verdict);
  if (file.seen && (file.size != stat->size || file.modified != stat->modified)) {
    file.last_change = now.monotonic;
    file.closed = file.closed && file.size == stat->size;
    touch(dir_path, dir, now.monotonic, now);
  }
  file.seen = true;
  file.size = stat->size;
  file.modified = stat->modified;
  const Duration quiet = now.monotonic - file.last_change;
  if (quiet < timing_.settle) {
    if (told_bad && !file.closed) {
      tell(dir_path, dir, name, file.judgement,
           {Verdict::in_progress, false, file.size, "being written again", {}}, now);
    }
    schedule(dir_path, name, file.deadline, file.last_change + timing_.settle);
    return;
  }
  const DirPlace place = place_below(root_, dir_path);
  const auto result = check_file(files_, path, file.size, {file.kind, place.step, place.method, place.task});
  if (!result) {
    // Unreadable for us says nothing of the file: it is counted and said to be so, and asked for again later.
    note_shut(path, result.error().code == ErrorCode::denied);
    schedule(dir_path, name, file.deadline,
             now.monotonic + std::max(timing_.incomplete_after, Duration{std::chrono::seconds{60}}));
    return;
  }
  note_shut(path, false);
  Judgement next{result->verdict, false, file.size, result->detail, {}};
  if (is_bad(next.verdict) && next.verdict != Verdict::lfs_pointer) {
    // An incomplete file that nobody is known to have closed may still grow. The closing may have been
    // missed: the file was there before its directory was watched.
    if (!file.closed) file.closed = files_.surely_has_no_writer(path);
    const Duration patience = !file.closed                     ? timing_.incomplete_after
                              : next.verdict == Verdict::empty ? timing_.empty_settle
                                                               : timing_.settle;
    if (quiet < patience) {
      schedule(dir_path, name, file.deadline, file.last_change + patience);
      if (file.closed && !told_bad) return;  // a touch, soon to be filled: nothing to say yet
      next.verdict = Verdict::in_progress;
      next.detail = fmt::format("{} bytes so far", with_commas(file.size));
    } else if (next.verdict == Verdict::truncated && file.kind == FileKind::layer) {
      const std::uint64_t whole = expected_size(dirs_, dir_path, dir, name);
      if (whole > file.size) next.detail += fmt::format(" of {} as its siblings have", with_commas(whole));
    }
  }
  const Verdict verdict = next.verdict;
  tell(dir_path, dir, name, file.judgement, std::move(next), now);
  notify(dir_path, name, &file, verdict);
}

void ResultsModel::note_shut(const std::string& path, bool shut) {
  if (!shut) {
    shut_.erase(path);
  } else if (shut_.size() < kMaxShut) {
    shut_.insert(path);
  }
}

void ResultsModel::check_due_directory(const std::string& path, DirRecord& dir, Moment now) {
  if (now.monotonic - dir.last_change < timing_.step_settle) {
    schedule(path, {}, dir.deadline, dir.last_change + timing_.step_settle);
    return;
  }
  Judgement next;
  if (dir.role == DirRole::step) {
    next = judge_step(files_, dirs_, path, dir);
    touch_series(path, now);
  } else if (dir.role == DirRole::series) {
    next = judge_series(dirs_, path, summarise_series(dirs_, root_, path, timing_.step_interval),
                        timing_.step_interval);
  } else {
    next = judge_checkpoint(files_, path, dir);
  }
  const Verdict verdict = next.verdict;
  tell(path, dir, {}, dir.judgement, std::move(next), now);
  notify(path, {}, nullptr, verdict);
}

Subject ResultsModel::subject_of(const std::string& path, const DirRecord& dir,
                                 const std::string& name) const {
  return results_subject(dir.role, name.empty() ? path : path + '/' + name);
}

Subject results_subject(DirRole directory, const std::string& path) {
  const bool representation = directory == DirRole::step || directory == DirRole::series;
  return {representation ? SubjectKind::representation : SubjectKind::checkpoint, printable_path(path)};
}

void ResultsModel::notify(const std::string& path, const std::string& name, const FileRecord* file,
                          Verdict verdict, bool gone) const {
  if (!listener_) return;
  FileChange change{
      path, name, printable_path(relative(path)), place_below(root_, path), FileKind::other, verdict, 0,
      {},   gone};
  if (file != nullptr) {
    change.kind = file->kind;
    change.size = file->size;
    change.modified = file->modified;
  }
  listener_(change);
}

void ResultsModel::tell(const std::string& path, const DirRecord& dir, const std::string& name,
                        Judgement& last, Judgement next, Moment now) {
  const bool same = last.told && last.verdict == next.verdict && last.detail == next.detail &&
                    last.lacking == next.lacking && last.size == next.size;
  if (same) return;
  const DirPlace place = place_below(root_, path);
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = subject_of(path, dir, name);
  facts.source = "results";
  facts.step = dir.step;
  facts.time = now.wall;
  const auto file = dir.files.find(name);
  const std::string full = name.empty() ? path : path + '/' + name;
  facts.attributes = {
      {"verdict", std::string(to_string(next.verdict))},
      {"detail", next.detail},
      {"size_bytes", static_cast<double>(next.size)},
      {"what", std::string(name.empty() || file == dir.files.end() ? what_of(dir.role)
                                                                   : to_string(file->second.kind))},
      {"name", printable_path(relative(full))},
      {"dir", printable_path(path)}};
  if (!place.task.empty()) facts.attributes.emplace_back("task", place.task);
  if (!place.method.empty()) facts.attributes.emplace_back("method", place.method);
  if (dir.step >= 0) facts.attributes.emplace_back("step", static_cast<double>(dir.step));
  if (name.empty() && is_checkpoint(dir.role)) facts.attributes.emplace_back("lacking", next.lacking);
  if (name.empty() && dir.role == DirRole::series) {
    const SeriesSummary series = summarise_series(dirs_, root_, path, timing_.step_interval);
    facts.attributes.emplace_back("steps", static_cast<double>(series.steps.size()));
    facts.attributes.emplace_back("missing_steps", static_cast<double>(series.missing_count));
    facts.attributes.emplace_back("regular", series.regular);
    facts.attributes.emplace_back("has_base", series.has_base);
    if (!series.steps.empty()) {
      facts.step = series.steps.back();
      facts.attributes.emplace_back("last_step", static_cast<double>(series.steps.back()));
    }
  }
  is_bad(next.verdict) ? void(bad_.insert(facts.subject)) : void(bad_.erase(facts.subject));
  last = std::move(next);
  last.told = true;
  findings_.push_back(std::move(facts));
}

void ResultsModel::tell_gone(const std::string& path, const DirRecord& dir, const std::string& name,
                             Judgement& last, const std::string& reason, Moment now) {
  if (!last.told) return;
  notify(path, name, nullptr, last.verdict, true);
  Subject subject = subject_of(path, dir, name);
  bad_.erase(subject);
  findings_.push_back(Departed{std::move(subject), now.wall, reason});
  last = {};
}

std::vector<Finding> ResultsModel::take(std::size_t max) {
  std::vector<Finding> out;
  for (; out.size() < max && !findings_.empty(); findings_.pop_front())
    out.push_back(std::move(findings_.front()));
  return out;
}

std::vector<TreeEntry> ResultsModel::entries() const {
  std::vector<TreeEntry> out;
  for (const auto& [path, dir] : dirs_) {
    if (dir.role == DirRole::step || is_checkpoint(dir.role))
      out.push_back({printable_path(path), dir.role, dir.step});
  }
  return out;
}

bool ResultsModel::settled(Duration monotonic) const {
  return listed_ && findings_.empty() && (due_.empty() || std::get<0>(*due_.begin()) > monotonic);
}

std::uint64_t ResultsModel::largest_checkpoint(Time since) const {
  std::uint64_t largest = 0;
  for (const auto& [path, dir] : dirs_) {
    if (!is_checkpoint(dir.role) && dir.role != DirRole::staging) continue;
    std::uint64_t bytes = 0;
    Time newest;
    for (const auto& [name, file] : dir.files) {
      bytes += file.size;
      newest = std::max(newest, file.modified);
    }
    if (newest >= since) largest = std::max(largest, bytes);
  }
  return largest;
}

ResultsSummary ResultsModel::summary() const {
  ResultsSummary out;
  out.present = present_;
  out.directories = dirs_.size();
  out.files = file_count_;
  out.bad = bad_.size();
  std::set<std::string> experiments;
  std::set<std::string> tasks;
  std::set<std::string> with_base;
  std::map<std::string, std::vector<std::int64_t>> checkpoints;
  for (const auto& [path, dir] : dirs_) {
    out.log_files += dir.others.logs();
    if (is_checkpoint(dir.role)) {
      ++out.checkpoints;
      const std::string run = path.substr(0, path.rfind('/'));
      experiments.insert(run);
      if (dir.role == DirRole::checkpoint) checkpoints[run].push_back(dir.step);
    } else if (dir.files.count("trainer_state.json") != 0) {
      experiments.insert(path);
    }
    if (dir.role == DirRole::step) ++out.representation_steps;
    if (dir.role != DirRole::series) continue;
    SeriesSummary series = summarise_series(dirs_, root_, path, timing_.step_interval);
    tasks.insert(series.task);
    if (series.method.rfind("base", 0) == 0 && !series.steps.empty()) with_base.insert(series.task);
    out.series.push_back(std::move(series));
  }
  for (auto& [run, steps] : checkpoints) {
    std::sort(steps.begin(), steps.end());
    out.checkpoint_series.push_back({printable_path(run), std::move(steps)});
  }
  out.experiments = experiments.size();
  std::set_difference(tasks.begin(), tasks.end(), with_base.begin(), with_base.end(),
                      std::back_inserter(out.tasks_without_base));
  return out;
}

}  // namespace redflag::daemon
