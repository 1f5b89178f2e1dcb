#include "daemon/validate/case_file.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "daemon/overview/task_scores.h"

namespace redflag::daemon::validate {
namespace {

const Attribute* find(const SubjectFacts* facts, std::string_view name) {
  if (facts == nullptr) return nullptr;
  // The last of a name is the newest word.
  const auto found = std::find_if(facts->attributes.rbegin(), facts->attributes.rend(),
                                  [&](const auto& each) { return each.first == name; });
  return found == facts->attributes.rend() ? nullptr : &found->second;
}

/// Higher: counts sooner.
int rank_of(const RunView& run) {
  if (run.info.state == RunState::finished) return 2;
  return has_ended(run.info.state) ? 1 : 0;
}

}  // namespace

std::string base_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
}

const Curve* CountingRun::curve(std::string_view metric) const {
  if (evidence == nullptr) return nullptr;
  const auto found = std::find_if(evidence->curves.begin(), evidence->curves.end(),
                                  [&](const Curve& each) { return each.metric == metric; });
  return found == evidence->curves.end() || found->points.empty() ? nullptr : &*found;
}

std::string CountingRun::name() const {
  return !run->info.name.empty() ? run->info.name : !run->info.id.empty() ? run->info.id : run->info.key;
}

std::string FactView::text(std::string_view name) const {
  const Attribute* found = find(facts, name);
  const auto* text = found == nullptr ? nullptr : std::get_if<std::string>(found);
  return text == nullptr ? std::string() : *text;
}

std::optional<double> FactView::number(std::string_view name) const {
  const Attribute* found = find(facts, name);
  const auto* value = found == nullptr ? nullptr : std::get_if<double>(found);
  return value == nullptr || !std::isfinite(*value) ? std::nullopt : std::optional(*value);
}

std::optional<bool> FactView::truth(std::string_view name) const {
  const Attribute* found = find(facts, name);
  const auto* value = found == nullptr ? nullptr : std::get_if<bool>(found);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

bool FactView::has(std::string_view name) const {
  return find(facts, name) != nullptr;
}

std::string FactView::name() const {
  std::string text_name = text("name");
  return text_name.empty() ? path() : text_name;
}

CaseFile::CaseFile(const Evidence& evidence, const ChecklistOptions& options)
    : evidence_(evidence), options_(options) {
  for (const std::string& task : required_tasks()) {
    const auto& wanted = options_.tasks;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), task) != wanted.end())
      tasks_.push_back(task);
  }
  choose_runs();
  sort_facts();
}

bool CaseFile::asked_for(std::string_view task) const {
  return std::find(tasks_.begin(), tasks_.end(), task) != tasks_.end();
}

void CaseFile::choose_runs() {
  std::map<std::string_view, const RunEvidence*> curves;
  for (const RunEvidence& each : evidence_.runs) curves[each.key] = &each;
  using Identity = std::tuple<std::string, std::string, std::optional<std::int64_t>, std::string>;
  std::map<Identity, std::vector<const RunView*>> same;
  for (const RunView& run : overview().runs) {
    runs_[run.info.key] = &run;
    // Runs of which not even the task is known are each their own.
    const std::string alone = run.info.task.empty() ? run.info.key : std::string();
    same[{run.info.task, run.info.method, run.info.seed, alone}].push_back(&run);
  }
  for (auto& [identity, runs] : same) {
    std::sort(runs.begin(), runs.end(), [](const RunView* a, const RunView* b) {
      return std::tuple(-rank_of(*a), b->info.created_at, b->info.key) <
             std::tuple(-rank_of(*b), a->info.created_at, a->info.key);
    });
    CountingRun chosen;
    chosen.run = runs.front();
    const auto found = curves.find(chosen.run->info.key);
    chosen.evidence = found == curves.end() ? nullptr : found->second;
    for (std::size_t i = 1; i < runs.size(); ++i) {
      if (runs[i]->info.created_at > chosen.run->info.created_at) continue;
      history_.insert(runs[i]->info.key);
      ++chosen.history;
    }
    counting_.push_back(chosen);
    counts_.insert(chosen.run->info.key);
    const std::string& task = chosen.run->info.task;
    const bool other_task = !task.empty() && !asked_for(task);
    if (!is_baseline(chosen.run->info.method) && !other_task) training_.push_back(chosen);
  }
}

std::vector<const CountingRun*> CaseFile::training_of(std::string_view task) const {
  std::vector<const CountingRun*> out;
  for (const CountingRun& each : training_) {
    if (each.run->info.task == task) out.push_back(&each);
  }
  return out;
}

const RunView* CaseFile::run(std::string_view key) const {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : found->second;
}

std::vector<const RunView*> CaseFile::newer_unfinished() const {
  std::vector<const RunView*> out;
  for (const RunView& run : overview().runs) {
    if (!counts_.contains(run.info.key) && !history_.contains(run.info.key)) out.push_back(&run);
  }
  return out;
}

std::vector<const AlertLine*> CaseFile::firing(const std::function<bool(const AlertLine&)>& wanted) const {
  std::vector<const AlertLine*> out;
  for (const AlertLine& alert : overview().alerts) {
    const bool counts = alert.state == "firing" && alert.severity != Severity::info;
    if (!counts || is_history(alert.run) || !wanted(alert)) continue;
    const RunView* of = run(alert.run);
    const bool other_task =
        of != nullptr && !of->info.task.empty() && !options_.tasks.empty() && !asked_for(of->info.task);
    if (!other_task) out.push_back(&alert);
  }
  return out;
}

std::vector<const AlertLine*> CaseFile::raised(const std::function<bool(const AlertLine&)>& wanted) const {
  std::vector<const AlertLine*> out = firing(wanted);
  for (const AlertLine& alert : evidence_.ended) {
    // "resolved" has mended itself; anything else was still so when the run ended.
    const bool counts = alert.state != "resolved" && alert.severity != Severity::info;
    const auto of = std::find_if(training_.begin(), training_.end(),
                                 [&](const CountingRun& each) { return each.run->info.key == alert.run; });
    if (counts && of != training_.end() && wanted(alert)) out.push_back(&alert);
  }
  return out;
}

void CaseFile::sort_facts() {
  std::map<std::string, Directory> steps;
  std::map<std::string, Directory> checkpoints;
  std::vector<FactView> rest;
  for (const SubjectFacts& each : evidence_.facts) {
    const FactView view{&each};
    const std::string what = view.text("what");
    const std::string task = view.text("task");
    if (!task.empty() && !options_.tasks.empty() && !asked_for(task)) continue;
    if (each.subject.kind == SubjectKind::log) {
      logs_.push_back(view);
    } else if (what == "step") {
      steps[each.subject.key].self = view;
    } else if (what == "checkpoint") {
      checkpoints[each.subject.key].self = view;
    } else if (what == "series") {
      series_.push_back(view);
    } else if (each.subject.kind == SubjectKind::representation ||
               each.subject.kind == SubjectKind::checkpoint) {
      rest.push_back(view);
    }
  }
  for (const FactView& file : rest) {
    const std::string dir = parent_of(file.path());
    if (const auto step = steps.find(dir); step != steps.end()) {
      step->second.files.push_back(file);
    } else if (const auto checkpoint = checkpoints.find(dir); checkpoint != checkpoints.end()) {
      checkpoint->second.files.push_back(file);
    } else {
      strays_.push_back(file);
    }
  }
  for (auto& [path, directory] : steps) steps_.push_back(std::move(directory));
  for (auto& [path, directory] : checkpoints) checkpoints_.push_back(std::move(directory));
}

}  // namespace redflag::daemon::validate
