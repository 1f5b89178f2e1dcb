#include "daemon/monitor/progress.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

constexpr std::array<const char*, 7> kShown{
    "train_loss", "eval_loss", "eval_accuracy", "eval_f1", "gradient_norm_total", "learning_rate", "epoch"};

/// The batch that brings a run's first rows also introduces it.
std::string name_of(const std::string& key, const SourceBatch& batch, const Intake& intake) {
  for (const RunInfo& run : batch.runs) {
    if (run.key == key) return run.name;
  }
  const RunInfo* known = intake.run(key);
  return known != nullptr ? known->name : key;
}

}  // namespace

std::string ProgressLog::describe(const News& news) {
  std::string text = news.step >= 0 ? fmt::format("step {}", news.step) : std::string("no step");
  for (const char* metric : kShown) {
    if (const auto found = news.values.find(metric); found != news.values.end()) {
      text += fmt::format("  {} {:.4g}", metric, found->second);
    }
  }
  return text;
}

void ProgressLog::note(const SourceBatch& batch, const Intake& intake, Duration monotonic) {
  std::map<std::string, News> news;
  for (const SourceBatch::Input& input : batch.inputs) {
    const auto* row = std::get_if<Observation>(&input);
    if (row == nullptr || row->kind != ObservationKind::row || row->subject.kind != SubjectKind::run)
      continue;
    News& one = news[row->subject.key];
    one.step = std::max(one.step, row->step);
    for (const Sample& sample : row->samples) {
      if (std::find(kShown.begin(), kShown.end(), sample.metric) != kShown.end())
        one.values[sample.metric] = sample.value;
    }
  }
  for (const auto& [key, one] : news) {
    Known& known = known_[key];
    known.newest.step = std::max(known.newest.step, one.step);
    for (const auto& [metric, value] : one.values) known.newest.values[metric] = value;
    if (known.told && monotonic - *known.told < interval_) continue;
    known.told = monotonic;
    log_info("run", "{}  {}", name_of(key, batch, intake), describe(one));
  }
  tell_ends(batch, intake);
}

void ProgressLog::tell_ends(const SourceBatch& batch, const Intake& intake) const {
  for (const RunInfo& run : batch.runs) {
    const RunInfo* before = intake.run(run.key);
    // Only of runs that were seen alive: a project's past would fill the log at the first start.
    if (!has_ended(run.state) || before == nullptr || has_ended(before->state)) continue;
    const auto known = known_.find(run.key);
    log_info("run", "{}  {}{}", run.name, to_string(run.state),
             known == known_.end() ? std::string() : "  " + describe(known->second.newest));
  }
}

}  // namespace redflag::daemon
