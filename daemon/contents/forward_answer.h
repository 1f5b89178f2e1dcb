// What redflag-forward said, as findings and figures. Its JSON is taken for what it is: from a child that
// read foreign files.
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "daemon/tensors/report.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

struct ForwardSays {
  bool ok = false;  ///< status "ok"
  std::vector<tensors::Finding> findings;
  /// logits: forward, forward_detail. drift: drift, drift_previous (largest over the layers), cka,
  /// cka_previous (smallest), drift_layer (the layer that has moved furthest).
  Attributes figures;
};

ForwardSays read_forward_answer(const nlohmann::json& answer, bool logits);

}  // namespace redflag::daemon
