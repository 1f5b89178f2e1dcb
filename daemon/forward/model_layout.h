// Which tensors a model has by its config.json, under which names and in which shapes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/forward/model_config.h"

namespace redflag::forward {

struct ExpectedTensor {
  std::string name;  ///< as the model's own class calls it; the forward pass asks by this name
  std::vector<std::string> aliases;  ///< other names under which it is accepted
  std::vector<std::int64_t> shape;   ///< -1: whatever the file has
  bool required = true;
};

/// All of them. At most some ten per layer.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

/// "lm_head.weight" and the like; "" where the head has none.
std::string output_embedding(const ModelConfig& config);

/// Is this a buffer that older versions of the library saved along, and that says nothing?
bool is_ignored_buffer(std::string_view name);

}  // namespace redflag::forward
