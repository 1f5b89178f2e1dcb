// From a logged JSON object (a W&B history row, an entry of HF's log_history, a line of a JSON log) to an
// Observation.
//
// Two distinctions are made here and nowhere else. Step is not sequence: HF's W&B callback never sets
// `_step`, so the training step is looked for among the metrics first. Summary is not curve: HF's last row
// carries the mean loss as `train_loss`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "daemon/runs/logged_row.h"
#include "daemon/runs/metric_names.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// Where a row's step came from, the better the higher.
enum class StepOrigin : std::uint8_t {
  none,
  sequence,  ///< W&B's `_step`: counts log calls unless the user passes a step
  counter,   ///< `step`, `current_steps`
  training,  ///< `train/global_step`, `trainer/global_step`, `global_step`
};

struct BuiltRow {
  Observation observation;  ///< attempt is 1 and the step as logged; see AttemptTracker
  StepOrigin origin = StepOrigin::none;
};

/// What every row of one run has in common.
struct RowTarget {
  Subject subject;
  std::string run;
  std::string source;  ///< "wandb", "trainer_state", …
};

/// Keeps a reference to `names`, which must outlive it. Not thread-safe.
class RowBuilder {
 public:
  explicit RowBuilder(const MetricNames& names) : names_(names) {}

  /// nullopt when the object carries no number that is a metric. Nested objects are flattened with '.';
  /// histograms and other typed objects, arrays, null, booleans and texts are no metrics; NaN and infinities
  /// are, in all spellings. A score above 1 is read as percent. `seq` is `_step` when there is one. Hostile
  /// input gives at most 2,000 samples.
  std::optional<BuiltRow> build(const nlohmann::json& row, const RowTarget& target) const;
  std::optional<BuiltRow> build(const LoggedRow& row, const RowTarget& target) const;

  /// The same for a run's totals (W&B summaryMetrics): always of kind summary.
  std::optional<BuiltRow> build_summary(const nlohmann::json& totals, const RowTarget& target) const;
  std::optional<BuiltRow> build_summary(const LoggedRow& totals, const RowTarget& target) const;

 private:
  const MetricNames& names_;
};

}  // namespace redflag::daemon
