// The layers of one step directory, as matrices of one row per sample (or per token).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "rules/values/error.h"

namespace redflag::forward {

/// "layer_0", "layer_1", … in the order of their numbers, for the files layer_K.pt of `directory`.
std::vector<std::string> layers_of(const std::string& directory);

/// Step directories beside `directory` ("step_000200"): the nearest one of a smaller step, "" when there is
/// none.
std::string earlier_step(const std::string& directory);

/// `directory` if it holds layers itself, else the first step directory below it that does; "" without
/// either.
std::string representation_in(const std::string& directory);

struct Matrix {
  at::Tensor rows;              ///< float64 [looked at, hidden]
  std::int64_t all_rows = 0;    ///< rows of the file
  std::uint64_t nonfinite = 0;  ///< among those looked at
};

/// How much of a layer is looked at. The same for all that are compared, or their rows would not match.
struct RowLimit {
  std::int64_t rows = 4096;
  std::uint64_t bytes =
      0;  ///< for the matrices of a comparison; fewer rows are taken where they would need more
};

/// The largest floating-point tensor of DIRECTORY/LAYER.pt; all its dimensions but the last one are rows, of
/// which the limit allows some, evenly spaced. Errors: not_found; malformed (damaged); unavailable (refused,
/// being written, no such tensor); too_large.
Result<Matrix> read_layer(const std::string& directory, const std::string& layer, const RowLimit& limit);

}  // namespace redflag::forward
