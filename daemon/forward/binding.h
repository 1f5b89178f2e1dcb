// Joins what a model needs (model_layout.h) with what its files hold, and says what does not fit. After that
// the forward pass can ask for tensors by their proper names and be sure of their shapes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/forward/adapter.h"
#include "daemon/forward/checkpoint.h"
#include "daemon/forward/model_config.h"
#include "daemon/tensors/report.h"

namespace redflag::forward {

/// What an adapter adds to the output of one module: scaling * (x A^T) B^T.
struct LoraTerm {
  Located a;  ///< [r, in]
  Located b;  ///< [out, r]
  double scaling = 1;
};

/// An adapter beside its base model.
struct BoundAdapter {
  const AdapterConfig* config = nullptr;
  const WeightSet* weights = nullptr;
};

struct Binding {
  std::map<std::string, Located, std::less<>> tensors;  ///< by the names of expected_tensors()
  std::map<std::string, LoraTerm, std::less<>> lora;    ///< by module: a tensor's name without ".weight"
  std::vector<tensors::Finding> findings;  ///< codes forward_missing_tensor, forward_unexpected_tensor,
                                           ///< forward_shape; the last two of one adapter or file
  std::string unsupported;                 ///< what keeps it from being run, "" = nothing

  /// Nothing critical was found: a forward pass can be made of it.
  bool complete() const;
};

/// Points into `weights` and the adapter's. `adapter.weights` null: there is none.
Binding bind(const ModelConfig& config, const WeightSet& weights, const BoundAdapter& adapter = {});

}  // namespace redflag::forward
