#include "daemon/overview/task_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "daemon/overview/traces.h"
#include "daemon/runs/json_number.h"
#include "rules/lang/compiled.h"

namespace redflag::daemon {
namespace {

/// A number of steps in a configuration, by the names that training code gives it.
constexpr std::array<std::string_view, 9> kStepKeys{
    "max_steps",   "num_train_steps",   "num_training_steps",   "max_train_steps", "total_steps",
    "train_steps", "total_train_steps", "total_training_steps", "training_steps"};
constexpr std::array<std::string_view, 5> kEpochKeys{"num_train_epochs", "num_epochs", "max_epochs", "epochs",
                                                     "n_epochs"};

/// The first of `keys` that is a positive number, in the configuration or in a section of it.
template <std::size_t N>
std::optional<double> positive(const nlohmann::json& config, const std::array<std::string_view, N>& keys,
                               int depth = 1) {
  if (!config.is_object()) return std::nullopt;
  for (const std::string_view key : keys) {
    const auto found = config.find(std::string(key));
    if (found == config.end()) continue;
    const std::optional<double> number = number_from(*found);
    if (number && std::isfinite(*number) && *number > 0.0) return number;
  }
  if (depth == 0) return std::nullopt;
  for (const auto& section : config) {
    if (const auto found = positive(section, keys, depth - 1)) return found;
  }
  return std::nullopt;
}

std::size_t rank_of(std::string_view method) {
  if (is_baseline(method)) return 3;
  return method == "full_finetune" ? 0 : method.empty() ? 2 : 1;
}

ScoreVerdict verdict_of(double value, const ScoreRange& range) {
  if (value < range.critical) return ScoreVerdict::critical;
  if (value < range.min) return ScoreVerdict::below;
  return value > range.max ? ScoreVerdict::above : ScoreVerdict::in_range;
}

void conclude(TaskView& task, const ScoreRange* range) {
  std::sort(task.methods.begin(), task.methods.end(), [](const MethodScores& a, const MethodScores& b) {
    return std::pair(rank_of(a.method), std::string_view(a.method)) <
           std::pair(rank_of(b.method), std::string_view(b.method));
  });
  double sum = 0.0;
  std::size_t count = 0;
  for (const MethodScores& method : task.methods) {
    if (is_baseline(method.method)) continue;
    for (const MethodScores::One& one : method.scores) {
      sum += one.value;
      ++count;
      task.best = task.best ? std::max(*task.best, one.value) : one.value;
    }
  }
  if (count == 0) return;
  task.average = sum / static_cast<double>(count);
  if (range != nullptr) task.verdict = verdict_of(*task.average, *range);
}

}  // namespace

ScoreRanges score_ranges(const RuleSet& rules) {
  ScoreRanges ranges;
  for (const RuleTable& table : rules.compiled().tables) {
    if (table.name != "expected" || table.key != "task") continue;
    for (const auto& [task, cells] : table.rows) {
      ScoreRange& range = ranges[task];
      for (std::size_t i = 0; i < cells.size() && i < table.columns.size(); ++i) {
        if (!cells[i].known || cells[i].is_text) continue;
        if (table.columns[i] == "min") range.min = cells[i].number;
        if (table.columns[i] == "max") range.max = cells[i].number;
        if (table.columns[i] == "critical") range.critical = cells[i].number;
      }
    }
  }
  return ranges;
}

bool judged_by_f1(std::string_view task) {
  return task.starts_with("squad");
}

std::vector<std::string_view> score_metrics(std::string_view task) {
  if (judged_by_f1(task)) return {"eval_f1", "f1"};
  return {"eval_accuracy", "accuracy"};
}

double as_fraction(double score) {
  return score > 1.0 ? score / 100.0 : score;
}

bool is_baseline(std::string_view method) {
  return method == "base_pretrained" || method == "majority_class" || method == "random";
}

std::optional<Score> score_of(std::string_view task, const RunTrace& trace, const MetricTable& metrics) {
  for (const std::string_view metric : score_metrics(task)) {
    const std::optional<LatestValue> point = trace.newest(metric, metrics);
    const std::optional<double> total = point ? std::nullopt : trace.total(metric, metrics);
    if (!point && !total) continue;
    const double value = point ? point->value : *total;
    if (!std::isfinite(value)) return std::nullopt;
    return Score{std::string(metric), as_fraction(value), !point};
  }
  return std::nullopt;
}

std::int64_t total_steps(const nlohmann::json& config, const std::optional<LatestValue>& epoch) {
  constexpr double kMost = 1e15;
  if (const auto steps = positive(config, kStepKeys); steps && *steps < kMost)
    return static_cast<std::int64_t>(*steps);
  const std::optional<double> epochs = positive(config, kEpochKeys);
  if (!epochs || !epoch || epoch->step <= 0 || !(epoch->value > 0.0)) return 0;
  const double steps = static_cast<double>(epoch->step) * *epochs / epoch->value;
  return steps < kMost ? std::max<std::int64_t>(std::llround(steps), epoch->step) : 0;
}

std::vector<TaskView> task_views(const ScoreRanges& ranges, std::vector<RunWithScore> runs) {
  std::map<std::string, TaskView> tasks;
  for (const auto& [task, range] : ranges) tasks[task];
  std::erase_if(runs, [](const RunWithScore& one) {
    return one.run->state != RunState::finished || one.run->task.empty() || !std::isfinite(one.value);
  });
  const auto identity = [](const RunWithScore& one) {
    return std::tie(one.run->task, one.run->method, one.run->seed);
  };
  std::sort(runs.begin(), runs.end(), [&](const RunWithScore& a, const RunWithScore& b) {
    if (identity(a) != identity(b)) return identity(a) < identity(b);
    return std::tie(b.run->created_at, b.run->key) < std::tie(a.run->created_at, a.run->key);  // newest first
  });
  const RunWithScore* previous = nullptr;
  for (const RunWithScore& one : runs) {
    const bool history = previous != nullptr && identity(*previous) == identity(one);
    previous = &one;
    if (history) continue;
    std::vector<MethodScores>& methods = tasks[one.run->task].methods;
    if (methods.empty() || methods.back().method != one.run->method) methods.push_back({one.run->method, {}});
    methods.back().scores.push_back({one.run->key, one.run->name, one.run->seed, one.value});
  }
  std::vector<TaskView> out;
  for (auto& [name, task] : tasks) {
    task.task = name;
    task.metric = judged_by_f1(name) ? "F1" : "accuracy";
    const auto range = ranges.find(name);
    if (range != ranges.end()) {
      task.expected_min = range->second.min;
      task.expected_max = range->second.max;
      task.critical = range->second.critical;
    }
    conclude(task, range == ranges.end() ? nullptr : &range->second);
    out.push_back(std::move(task));
  }
  return out;
}

}  // namespace redflag::daemon
