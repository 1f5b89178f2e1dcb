#include "daemon/local/local_rows.h"

namespace redflag::daemon::local {

std::optional<BuiltRow> build_row(const RowBuilder& builder, const Row& row, const RowTarget& target) {
  std::optional<BuiltRow> built = builder.build(row.values, target);
  if (!built) return built;
  Observation& observation = built->observation;
  if (row.seq >= 0) observation.seq = row.seq;
  if (row.step >= 0 && built->origin <= StepOrigin::sequence) {
    observation.step = row.step;
    built->origin = row.step_from == StepFrom::event ? StepOrigin::training : StepOrigin::counter;
  }
  if (observation.time == Time{}) observation.time = row.time;
  return built;
}

}  // namespace redflag::daemon::local
