#include "daemon/monitor/progress.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

constexpr std::array<std::string_view, ProgressLog::kShownMetrics> kShown{
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
  for (std::size_t i = 0; i < kShown.size(); ++i) {
    if (news.values[i]) text += fmt::format("  {} {:.4g}", kShown[i], *news.values[i]);
  }
  return text;
}

void ProgressLog::News::take(const Observation& row) {
  step = std::max(step, row.step);
  for (const Sample& sample : row.samples) {
    const auto shown = std::find(kShown.begin(), kShown.end(), sample.metric);
    if (shown != kShown.end()) values[static_cast<std::size_t>(shown - kShown.begin())] = sample.value;
  }
}

void ProgressLog::note(const SourceBatch& batch, const Intake& intake, Duration monotonic) {
  std::map<std::string, News> due;
  for (const SourceBatch::Input& input : batch.inputs) {
    const auto* row = std::get_if<Observation>(&input);
    if (row == nullptr || row->kind != ObservationKind::row || row->subject.kind != SubjectKind::run)
      continue;
    Known& known = known_[row->subject.key];
    known.newest.take(*row);
    if (!known.told || monotonic - *known.told >= interval_) due[row->subject.key].take(*row);
  }
  for (const auto& [key, news] : due) {
    known_[key].told = monotonic;
    log_info("run", "{}  {}", name_of(key, batch, intake), describe(news));
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
