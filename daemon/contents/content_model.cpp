#include "daemon/contents/content_model.h"

#include <algorithm>

#include "daemon/checks/checkpoint_check.h"
#include "daemon/checks/series_check.h"
#include "daemon/checks/step_check.h"
#include "daemon/contents/content_facts.h"
#include "daemon/results/printable.h"
#include "daemon/tensors/checksum.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

bool inspected(FileKind kind) {
  switch (kind) {
    case FileKind::layer:
    case FileKind::tensor:
    case FileKind::metadata:
    case FileKind::weights:
    case FileKind::shard_index:
    case FileKind::config:
    case FileKind::optimizer:
    case FileKind::scheduler:
    case FileKind::rng:
    case FileKind::training_args:
    case FileKind::trainer_state:
      return true;
    default:
      return false;
  }
}

InspectionKind kind_of(DirRole role) {
  if (role == DirRole::checkpoint) return InspectionKind::checkpoint;
  return is_checkpoint(role) ? InspectionKind::final_model : InspectionKind::representation;
}

bool is_base(const DirPlace& place) {
  return place.method.rfind("base", 0) == 0;
}

}  // namespace

std::optional<InspectionJob> ContentModel::apply(const FileChange& change, Time now) {
  const auto it = directories_.find(change.directory);
  if (change.gone) {
    if (it == directories_.end()) return std::nullopt;
    if (change.name.empty()) {
      directories_.erase(it);
    } else {
      it->second.files.erase(change.name);
      it->second.others.erase(change.name);
      judge(change.directory, now);
    }
    return std::nullopt;
  }
  Directory& directory = it != directories_.end() ? it->second : directories_[change.directory];
  directory.place = change.place;
  directory.label = change.label;
  if (change.name.empty()) {
    directory.written = true;
    judge(change.directory, now);
    return std::nullopt;
  }
  // What is not whole has its alert already, and nothing to read.
  const bool whole = change.verdict == Verdict::ok || change.verdict == Verdict::tiny;
  if (!whole || !inspected(change.kind)) {
    directory.files.erase(change.name);
    directory.others.insert(change.name);
    return std::nullopt;
  }
  directory.others.erase(change.name);
  File& file = directory.files[change.name];
  file.report.reset();
  file.job.path = change.directory + '/' + change.name;
  file.job.kind = kind_of(change.place.role);
  file.job.group = parent(change.directory);
  file.job.newness =
      change.place.step >= 0 ? change.place.step : change.modified.time_since_epoch().count() / 1'000'000'000;
  file.job.identity.size = change.size;
  return file.job;
}

void ContentModel::report(const std::string& path, const FileReport& report, Time now) {
  const auto it = directories_.find(parent(path));
  if (it == directories_.end()) return;
  const auto found = it->second.files.find(path.substr(path.rfind('/') + 1));
  if (found == it->second.files.end()) return;
  if (report.verdict == tensors::Verdict::in_progress) return;  // it will be looked at again
  File& file = found->second;
  file.report = report;
  // Of the file itself only what concerns the container, and what its pickle is after; the rest is the
  // directory's.
  const bool hostile = std::any_of(report.findings.begin(), report.findings.end(),
                                   [](const auto& each) { return trouble_of(each.code) == "hostile"; });
  // Its reader died, hung or ran out of memory on it, twice: that is said of the file.
  const bool unreadable = std::any_of(report.findings.begin(), report.findings.end(), [](const auto& each) {
    return each.severity == Severity::critical && each.code.rfind("inspector_", 0) == 0;
  });
  const bool bad = hostile || unreadable || report.verdict == tensors::Verdict::damaged ||
                   report.verdict == tensors::Verdict::refused;
  if (bad || file.told_bad) {
    Observation facts = facts_of(it->first, it->second, found->first, now);
    const Attributes found_in_it = content_attributes(report.findings, {"hostile"});
    facts.attributes.insert(facts.attributes.end(), found_in_it.begin(), found_in_it.end());
    facts.attributes.emplace_back("content",
                                  std::string(unreadable ? "unreadable" : to_string(report.verdict)));
    facts.attributes.emplace_back("content_detail", report.reason);
    facts_.push_back(std::move(facts));
  }
  file.told_bad = bad;
  judge(parent(path), now);
}

bool ContentModel::complete(const Directory& directory) const {
  return std::all_of(directory.files.begin(), directory.files.end(),
                     [](const auto& each) { return each.second.report.has_value(); });
}

checks::DirectoryInput ContentModel::input_of(const std::string& path, const Directory& directory) const {
  checks::DirectoryInput input;
  input.path = path;
  input.place = directory.place;
  for (const auto& [name, file] : directory.files) {
    if (file.report) input.files.push_back(&*file.report);
  }
  input.other_names.assign(directory.others.begin(), directory.others.end());
  return input;
}

void ContentModel::judge(const std::string& path, Time now) {
  const auto it = directories_.find(path);
  if (it == directories_.end() || it->second.files.empty() || !complete(it->second)) return;
  Directory& directory = it->second;
  const bool step = directory.place.role == DirRole::step;
  if (!step && !is_checkpoint(directory.place.role)) return;
  const checks::DirectoryInput input = input_of(path, directory);
  checks::DirectoryReport report = step ? checks::check_step(input) : checks::check_checkpoint(input);
  report.findings.insert(report.findings.end(), directory.forward.begin(), directory.forward.end());
  if (!directory.written)
    return tell(path, directory, content_attributes(report.findings, {"nan", "hostile"}), now);
  Attributes attributes = content_attributes(
      report.findings, step ? std::vector<std::string_view>{"nan", "zero", "mismatch", "collapsed"}
                            : std::vector<std::string_view>{"nan", "zero", "mismatch", "resume", "output"});
  tell(path, directory, attributes, now);
  ask_forward(path, directory, report.findings);
  step ? judge_series(parent(path), now) : judge_run(parent(path), now);
}

/// Steps against one another: told of the step they are about.
void ContentModel::judge_series(const std::string& path, Time now) {
  std::vector<checks::DirectoryInput> steps;
  for (auto it = directories_.lower_bound(path + '/'); it != directories_.end() && parent(it->first) == path;
       ++it) {
    if (it->second.written && it->second.place.role == DirRole::step && complete(it->second))
      steps.push_back(input_of(it->first, it->second));
  }
  if (steps.size() < 2) return;
  const checks::DirectoryReport report = checks::check_series(path, steps);
  for (const checks::DirectoryInput& step : steps) {
    std::vector<tensors::Finding> about;
    for (const tensors::Finding& each : report.findings) {
      if (each.where == step.path && each.code == "identical_step") about.push_back(each);
    }
    tell(step.path, directories_[step.path], content_attributes(about, {"identical"}), now);
  }
}

void ContentModel::judge_run(const std::string& run, Time now) {
  std::vector<checks::DirectoryInput> checkpoints;
  for (auto it = directories_.lower_bound(run + '/');
       it != directories_.end() && it->first.compare(0, run.size() + 1, run + '/') == 0; ++it) {
    const bool one = parent(it->first) == run && it->second.place.role == DirRole::checkpoint;
    if (one && it->second.written && complete(it->second))
      checkpoints.push_back(input_of(it->first, it->second));
  }
  if (checkpoints.size() < 2) return;
  const std::vector<tensors::Finding> found = checks::identical_checkpoints(checkpoints);
  for (const checks::DirectoryInput& each : checkpoints) {
    std::vector<tensors::Finding> about;
    std::copy_if(found.begin(), found.end(), std::back_inserter(about),
                 [&](const auto& finding) { return finding.where == each.path; });
    tell(each.path, directories_[each.path], content_attributes(about, {"identical"}), now);
  }
}

void ContentModel::ask_forward(const std::string& path, Directory& directory,
                               const std::vector<tensors::Finding>& findings) {
  // Only what is vouched for: every tensor file whole, and nothing about it that a loader would stumble over.
  for (const auto& [name, file] : directory.files) {
    if (file.report->verdict != tensors::Verdict::ok) return;
  }
  const bool stumbles = std::any_of(findings.begin(), findings.end(), [](const auto& each) {
    const std::string_view trouble = trouble_of(each.code);
    return each.severity == Severity::critical &&
           (trouble == "mismatch" || trouble == "nan" || trouble == "zero");
  });
  if (stumbles) return;
  ForwardTask task;
  task.path = path;
  task.hash = 1;
  for (const auto& [name, file] : directory.files)
    task.hash = tensors::mix_hash(task.hash, file.report->hash);
  if (directory.place.role == DirRole::step) {
    task.kind = ForwardTask::Kind::drift;
    const std::string series = parent(path);
    std::int64_t before = -1;
    std::int64_t base = -1;
    for (const auto& [other, record] : directories_) {
      if (record.place.role != DirRole::step || !record.written || other == path) continue;
      if (parent(other) == series && record.place.step < directory.place.step && record.place.step > before) {
        before = record.place.step;
        task.previous = other;
      }
      const bool same_task =
          record.place.task == directory.place.task && is_base(record.place) && !is_base(directory.place);
      if (same_task && parent(parent(other)) == parent(series) && (base < 0 || record.place.step < base)) {
        base = record.place.step;
        task.base = other;
      }
    }
    task.hash =
        tensors::mix_hash(tensors::mix_hash(task.hash, before < 0 ? 0 : static_cast<std::uint64_t>(before)),
                          task.base.empty() ? 0 : 1);
  }
  if (directory.forward_hash == task.hash) return;
  directory.forward_hash = task.hash;
  // The newest of what waits goes first; the base model's, which does not change, last.
  is_base(directory.place) ? forward_.push_back(std::move(task)) : forward_.push_front(std::move(task));
}

void ContentModel::forward(const ForwardTask& task, const std::vector<tensors::Finding>& findings,
                           Attributes figures, Time now) {
  const auto it = directories_.find(task.path);
  if (it == directories_.end() || it->second.forward_hash != task.hash) return;  // it has changed meanwhile
  it->second.forward = findings;
  if (!figures.empty()) {
    Observation facts = facts_of(task.path, it->second, {}, now);
    facts.attributes.insert(facts.attributes.end(), figures.begin(), figures.end());
    facts_.push_back(std::move(facts));
  }
  judge(task.path, now);
}

Observation ContentModel::facts_of(const std::string& path, const Directory& directory,
                                   const std::string& file, Time now) const {
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = results_subject(directory.place.role, file.empty() ? path : path + '/' + file);
  facts.source = "contents";
  facts.step = directory.place.step;
  facts.time = now;
  const std::string inside = file.empty() ? std::string() : "/" + printable_path(file);
  facts.attributes.emplace_back("name", directory.label + inside);
  if (!directory.place.task.empty()) facts.attributes.emplace_back("task", directory.place.task);
  if (!directory.place.method.empty()) facts.attributes.emplace_back("method", directory.place.method);
  return facts;
}

void ContentModel::tell(const std::string& path, Directory& directory, const Attributes& attributes,
                        Time now) {
  bool news = false;
  for (const auto& [name, value] : attributes) {
    const auto known = std::find_if(directory.told.begin(), directory.told.end(),
                                    [&name = name](const auto& each) { return each.first == name; });
    if (known == directory.told.end()) {
      directory.told.emplace_back(name, value);
    } else if (known->second == value) {
      continue;
    } else {
      known->second = value;
    }
    news = true;
  }
  if (!news) return;
  // A text and the word it belongs to go together, so that a rule never reads one of them old.
  Observation facts = facts_of(path, directory, {}, now);
  facts.attributes.insert(facts.attributes.end(), attributes.begin(), attributes.end());
  facts_.push_back(std::move(facts));
}

std::vector<Observation> ContentModel::take(std::size_t max) {
  std::vector<Observation> out;
  for (; out.size() < max && !facts_.empty(); facts_.pop_front()) out.push_back(std::move(facts_.front()));
  return out;
}

std::optional<ForwardTask> ContentModel::take_forward() {
  while (!forward_.empty()) {
    ForwardTask task = std::move(forward_.front());
    forward_.pop_front();
    const auto it = directories_.find(task.path);
    if (it != directories_.end() && it->second.forward_hash == task.hash) return task;
  }
  return std::nullopt;
}

std::vector<InspectionJob> ContentModel::unreported() const {
  std::vector<InspectionJob> out;
  for (const auto& [path, directory] : directories_) {
    for (const auto& [name, file] : directory.files) {
      if (!file.report) out.push_back(file.job);
    }
  }
  return out;
}

}  // namespace redflag::daemon
