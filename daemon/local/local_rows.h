// From a row that a local reader told to an observation.
#pragma once

#include <optional>

#include "daemon/local/local_event.h"
#include "daemon/runs/row_builder.h"

namespace redflag::daemon::local {

/// As RowBuilder::build; where the values carry no step or time of their own, the row's are taken. The step
/// counts as StepOrigin::training when the format has a field for it, else as a counter.
std::optional<BuiltRow> build_row(const RowBuilder& builder, const Row& row, const RowTarget& target);

}  // namespace redflag::daemon::local
