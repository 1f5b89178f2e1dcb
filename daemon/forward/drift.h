// `redflag-forward drift`: how far a step's representations have moved, and whether they still say anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/forward/arguments.h"
#include "daemon/forward/json_text.h"
#include "daemon/forward/outcome.h"

namespace redflag::forward {

/// A layer beside the same one of another step.
struct LayerComparison {
  std::optional<double> cosine;  ///< mean of matching rows
  std::optional<double> cka;     ///< linear, centred
  bool identical = false;        ///< in all rows that were looked at
  std::optional<double> drift() const { return cosine ? std::optional(1 - *cosine) : std::nullopt; }
};

struct LayerDrift {
  std::string layer;   ///< "layer_0"
  std::string reason;  ///< why nothing is known of it, "" = it was read
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;  ///< fewer when they were sampled
  std::int64_t hidden = 0;
  std::uint64_t nonfinite = 0;
  LayerComparison base;
  LayerComparison previous;
  std::optional<double> top_share;
  std::optional<double> centred_top_share;
  std::optional<double> effective_rank;
  bool collapsed = false;
};

struct DriftReport {
  Status status = Status::not_checked;
  std::string reason;
  std::string base;  ///< directory compared with; "" = none
  std::string previous;
  bool sampled = false;  ///< some layer has more rows than were looked at
  std::vector<LayerDrift> layers;
  std::vector<tensors::Finding> findings;  ///< layer_collapsed, drift_shape_mismatch, drift_nonfinite
};

DriftReport check_drift(const Arguments& arguments);
Json to_json(const DriftReport& report);

}  // namespace redflag::forward
