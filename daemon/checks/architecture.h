// The tensors that a config.json asks for, as the model classes of transformers name and shape them:
//   models/llama/modeling_llama.py (Llama, Mistral), models/gpt2/modeling_gpt2.py,
//   models/bert/modeling_bert.py, models/roberta/modeling_roberta.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/checks/values.h"

namespace redflag::checks {

constexpr std::int64_t kAny = -1;  ///< of a dimension: config.json does not say

struct ExpectedTensor {
  std::string name;
  std::vector<std::int64_t> shape;  ///< kAny where it is not known
  bool required = true;
};

struct Architecture {
  std::string family;  ///< "llama", "gpt2", "bert"
  std::vector<std::string>
      prefixes;            ///< of the base model's tensors, "" among them: "model.", "transformer."
  std::string layer_stem;  ///< a layer's tensors begin with prefix, stem and number: "layers."
  std::int64_t layers = 0;
  std::vector<ExpectedTensor> base;   ///< without prefix
  std::vector<ExpectedTensor> heads;  ///< whole names
};

/// model_type, else the first of `architectures`; "" when config.json has neither.
std::string architecture_name(const Values& config);

/// nullopt when it is none of these, or its config.json names no number of layers.
std::optional<Architecture> architecture_of(const Values& config);

/// Do the shapes agree, kAny with everything?
bool fits(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& expected);

}  // namespace redflag::checks
