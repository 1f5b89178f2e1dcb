#include "daemon/overview/traces.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/overview/task_scores.h"

namespace redflag::daemon {
namespace {

/// Rows between two marks of the pace: it is that of the newest 32 to 64 rows.
constexpr std::uint8_t kRowsPerMark = 32;
constexpr std::int64_t kLargestStep = (std::int64_t{1} << 48) - 2;

/// Grows by a few, not by doubling: there are thousands of these.
template <typename T>
void append(std::vector<T>& values, T value) {
  if (values.size() == values.capacity()) values.reserve(values.size() + 4);
  values.push_back(value);
}

}  // namespace

std::uint16_t MetricTable::number_of(std::string_view name) {
  if (const std::uint16_t known = find(name); known != kNone) return known;
  if (names_.size() >= kNone) return kNone;
  const auto number = static_cast<std::uint16_t>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  return number;
}

std::uint16_t MetricTable::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? kNone : found->second;
}

void RunTrace::put(std::vector<Value>& values, std::uint16_t metric, double value, std::int64_t step) {
  if (metric == MetricTable::kNone) return;
  const auto kept = static_cast<std::uint64_t>(std::clamp<std::int64_t>(step, -1, kLargestStep) + 1);
  const auto found =
      std::find_if(values.begin(), values.end(), [metric](const Value& one) { return one.metric == metric; });
  if (found == values.end()) {
    if (values.size() < kMostMetrics) append(values, Value{value, metric, kept & 0xffffffffffffU});
    return;
  }
  found->value = value;
  found->step = kept & 0xffffffffffffU;
}

void RunTrace::row(const Observation& row, MetricTable& metrics) {
  if (row.attempt > attempt_) {
    attempt_ = row.attempt;
    loss_.cut_back(row.step);
    step_ = -1;
    marks_ = {};
    rows_since_mark_ = 0;
  } else if (row.attempt < attempt_) {
    return;  // a late row of what was given up
  }
  rows_ = true;
  step_ = std::max(step_, row.step);
  last_row_at_ = std::max(last_row_at_, row.time);
  source_ = metrics.number_of(row.source);
  for (const Sample& sample : row.samples) {
    const std::uint16_t metric = metrics.number_of(sample.metric);
    put(latest_, metric, sample.value, row.step);
    const bool loss = sample.metric == "train_loss";
    if (!loss && sample.metric != "loss") continue;
    if (loss && loss_metric_ != metric) loss_ = {};  // "loss" was only the next best
    if (loss || loss_metric_ == MetricTable::kNone) loss_metric_ = metric;
    if (loss_metric_ == metric) loss_.add(row.step, sample.value);
  }
  note_pace(row.step, row.time);
}

void RunTrace::note_pace(std::int64_t step, Time time) {
  if (step < 0 || time == Time{}) return;
  auto& [oldest, middle, newest] = marks_;
  if (newest.step >= 0 && (step <= newest.step || time <= newest.time)) return;
  newest = {time, step};
  if (oldest.step < 0) {
    oldest = middle = newest;
    rows_since_mark_ = 0;
  } else if (++rows_since_mark_ >= kRowsPerMark) {
    oldest = middle;
    middle = newest;
    rows_since_mark_ = 0;
  }
}

void RunTrace::summary(const Observation& totals, MetricTable& metrics) {
  for (const Sample& sample : totals.samples)
    put(totals_, metrics.number_of(sample.metric), sample.value, totals.step);
}

void RunTrace::adopt(const RunTrace& other, const MetricTable& others, MetricTable& metrics) {
  if (rows_) return;
  std::vector<Value> totals = std::move(totals_);
  const auto renumbered = [&](std::uint16_t number) {
    return number == MetricTable::kNone ? number : metrics.number_of(others.name_of(number));
  };
  *this = other;
  source_ = renumbered(source_);
  loss_metric_ = renumbered(loss_metric_);
  for (Value& value : latest_) value.metric = renumbered(static_cast<std::uint16_t>(value.metric));
  latest_.shrink_to_fit();
  totals_ = std::move(totals);
}

LatestValue RunTrace::spelled(const Value& value, const MetricTable& metrics) {
  return {metrics.name_of(static_cast<std::uint16_t>(value.metric)), value.value,
          static_cast<std::int64_t>(value.step) - 1};
}

std::vector<LatestValue> RunTrace::spelled(const std::vector<Value>& values, const MetricTable& metrics) {
  std::vector<LatestValue> out;
  out.reserve(values.size());
  for (const Value& value : values) out.push_back(spelled(value, metrics));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.metric < b.metric; });
  return out;
}

std::vector<LatestValue> RunTrace::totals(const MetricTable& metrics) const {
  return spelled(totals_, metrics);
}

std::optional<LatestValue> RunTrace::newest(std::string_view metric, const MetricTable& metrics) const {
  const std::uint16_t number = metrics.find(metric);
  for (const Value& value : latest_) {
    if (value.metric == number) return spelled(value, metrics);
  }
  return std::nullopt;
}

std::optional<double> RunTrace::total(std::string_view metric, const MetricTable& metrics) const {
  const std::uint16_t number = metrics.find(metric);
  for (const Value& value : totals_) {
    if (value.metric == number) return value.value;
  }
  return std::nullopt;
}

void RunTrace::describe(RunView& view, const MetricTable& metrics) const {
  view.step = step_;
  view.attempt = attempt_;
  view.last_row_at = last_row_at_;
  const auto& [oldest, middle, newest] = marks_;
  const double seconds = std::chrono::duration<double>(newest.time - oldest.time).count();
  if (oldest.step >= 0 && seconds > 0.0)
    view.steps_per_second = static_cast<double>(newest.step - oldest.step) / seconds;
  view.latest = spelled(latest_, metrics);
  view.loss = loss_.points();
  if (source_ != MetricTable::kNone) view.leading_source = metrics.name_of(source_);
}

std::size_t RunTrace::bytes() const {
  return sizeof(*this) + (latest_.capacity() + totals_.capacity()) * sizeof(Value) + loss_.bytes();
}

void RunTraces::note(const Observation& observation) {
  if (observation.subject.kind != SubjectKind::run || observation.kind == ObservationKind::facts) return;
  RunTrace& trace = traces_[observation.subject.key];
  if (observation.kind == ObservationKind::row) {
    trace.row(observation, metrics_);
  } else {
    trace.summary(observation, metrics_);
  }
}

void RunTraces::adopt(const std::string& run, const RunTraces& other) {
  if (const RunTrace* trace = other.find(run)) traces_[run].adopt(*trace, other.metrics_, metrics_);
}

const RunTrace* RunTraces::find(const std::string& run) const {
  const auto found = traces_.find(run);
  return found == traces_.end() ? nullptr : &found->second;
}

std::int64_t RunTraces::step_of(const std::string& run) const {
  const RunTrace* trace = find(run);
  return trace == nullptr ? -1 : trace->step();
}

}  // namespace redflag::daemon
