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

struct News {
  std::int64_t step = -1;
  std::map<std::string, double> values;
};

std::string describe(const News& news) {
  std::string text = news.step >= 0 ? fmt::format("step {}", news.step) : std::string("no step");
  for (const char* metric : kShown) {
    if (const auto found = news.values.find(metric); found != news.values.end()) {
      text += fmt::format("  {} {:.4g}", metric, found->second);
    }
  }
  return text;
}

/// The batch that brings a run's first rows also introduces it.
std::string name_of(const std::string& key, const SourceBatch& batch, const Intake& intake) {
  for (const RunInfo& run : batch.runs) {
    if (run.key == key) return run.name;
  }
  const RunInfo* known = intake.run(key);
  return known != nullptr ? known->name : key;
}

}  // namespace

void ProgressLog::note(const SourceBatch& batch, const Intake& intake, Duration monotonic) {
  std::map<std::string, News> news;
  for (const SourceBatch::Input& input : batch.inputs) {
    const auto* row = std::get_if<Observation>(&input);
    if (row == nullptr || row->kind != ObservationKind::row || row->subject.kind != SubjectKind::run)
      continue;
    News& one = news[row->subject.key];
    one.step = std::max(one.step, row->step);
    for (const Sample& sample : row->samples) one.values[sample.metric] = sample.value;
  }
  for (const auto& [key, one] : news) {
    const auto known = last_.find(key);
    if (known != last_.end() && monotonic - known->second < interval_) continue;
    last_[key] = monotonic;
    log_info("run", "{}  {}", name_of(key, batch, intake), describe(one));
  }
}

}  // namespace redflag::daemon
