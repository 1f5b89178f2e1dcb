// What people see of a run without anybody reading its history: the newest value of every metric, a thinned
// loss curve, how fast it goes. Kept in memory for every known run, so it is small: about 1.3 kB with 20
// metrics, and bounded whatever a run logs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/overview/overview.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// Names of metrics as numbers, one table for all runs. At most 65,535; what comes after is not known.
class MetricTable {
 public:
  static constexpr std::uint16_t kNone = 0xffff;
  std::uint16_t number_of(std::string_view name);  ///< makes it known
  std::uint16_t find(std::string_view name) const;
  const std::string& name_of(std::uint16_t number) const { return names_[number]; }
  std::size_t size() const { return names_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> numbers_;
};

/// A curve in at most 64 points. When it is full, neighbours become one, and from then on each point stands
/// for twice as many; of several the one that lies farthest from what came before stays, and NaN before
/// everything, so a spike remains visible.
class Sparkline {
 public:
  static constexpr std::size_t kMostPoints = 64;
  void add(std::int64_t step, double value);
  /// The run went back to `step`: what came from there on is no part of its curve any more.
  void cut_back(std::int64_t step);
  /// At most kMostPoints, the newest value last.
  std::vector<double> points() const;
  bool empty() const { return kept_.empty(); }
  std::size_t bytes() const { return kept_.capacity() * sizeof(Point); }

 private:
  struct Point {
    float value;
    std::uint32_t step;  // what does not fit is the largest
  };
  std::vector<Point> kept_;   // the last one is still open
  std::uint32_t stride_ = 1;  // values that a point stands for
  std::uint32_t open_ = 0;    // values in the last one
  float newest_ = 0.0F;
};

class RunTrace {
 public:
  static constexpr std::size_t kMostMetrics = 256;

  void row(const Observation& row, MetricTable& metrics);
  void summary(const Observation& totals, MetricTable& metrics);
  /// Takes over what another trace, with a table of its own, knows of the curve, where this has no row yet.
  void adopt(const RunTrace& other, const MetricTable& others, MetricTable& metrics);

  /// step, attempt, last_row_at, steps_per_second, latest, loss and leading_source of the view.
  void describe(RunView& view, const MetricTable& metrics) const;
  /// The newest value of a curve.
  std::optional<LatestValue> newest(std::string_view metric, const MetricTable& metrics) const;
  /// The run's own final word.
  std::optional<double> total(std::string_view metric, const MetricTable& metrics) const;
  std::vector<LatestValue> totals(const MetricTable& metrics) const;  ///< by name
  bool has_rows() const { return rows_; }
  std::int64_t step() const { return step_; }
  /// About what it takes, without its name.
  std::size_t bytes() const;

 private:
  struct Value {
    double value;
    std::uint64_t metric : 16;
    std::uint64_t step : 48;  // plus one; 0 = not known
  };
  struct Mark {
    Time time;
    std::int64_t step = -1;
  };
  static void put(std::vector<Value>& values, std::uint16_t metric, double value, std::int64_t step);
  static LatestValue spelled(const Value& value, const MetricTable& metrics);
  static std::vector<LatestValue> spelled(const std::vector<Value>& values, const MetricTable& metrics);
  void note_pace(std::int64_t step, Time time);

  std::vector<Value> latest_;
  std::vector<Value> totals_;
  Sparkline loss_;
  std::int64_t step_ = -1;
  std::uint32_t attempt_ = 1;
  std::uint16_t loss_metric_ = MetricTable::kNone;
  std::uint8_t rows_since_mark_ = 0;
  bool rows_ = false;
  Time last_row_at_;
  std::array<Mark, 3> marks_;  // oldest, middle, newest: the pace is that from the first to the last
  std::uint16_t source_ = MetricTable::kNone;
};

/// One thread.
class RunTraces {
 public:
  /// Rows and totals of runs; everything else is left aside.
  void note(const Observation& observation);
  void forget(const std::string& run) { traces_.erase(run); }
  void adopt(const std::string& run, const RunTraces& other);

  const RunTrace* find(const std::string& run) const;
  const MetricTable& metrics() const { return metrics_; }
  /// The newest training step; -1 = none told.
  std::int64_t step_of(const std::string& run) const;
  std::size_t size() const { return traces_.size(); }

 private:
  MetricTable metrics_;
  std::unordered_map<std::string, RunTrace> traces_;
};

/// How many steps a run is to make: as its configuration says (max_steps and the like, also within a section
/// of it), else from its epochs and how far they are. 0: cannot be told.
std::int64_t total_steps(const nlohmann::json& config, const std::optional<LatestValue>& epoch);

/// The score that counts for the run's task: eval_accuracy else accuracy; for SQuAD v2 eval_f1 else f1; of
/// each the curve's last point else the total, as final() has it in the rules. nullopt: none, or it is no
/// number.
std::optional<Score> score_of(std::string_view task, const RunTrace& trace, const MetricTable& metrics);

}  // namespace redflag::daemon
