// A LoRA adapter as peft saves it: adapter_config.json, and pairs of small matrices beside the base model's
// own. Names: peft/utils/save_and_load.py; scaling: peft/tuners/lora/layer.py.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "daemon/forward/checkpoint.h"
#include "rules/values/error.h"

namespace redflag::forward {

struct AdapterConfig {
  std::string base;  ///< base_model_name_or_path, as written
  std::string task;  ///< "SEQ_CLS", …; "" = the base model's own head
  std::int64_t rank = 8;
  double alpha = 8;
  bool root_scaling = false;  ///< use_rslora: alpha / sqrt(r) instead of alpha / r
  std::vector<std::string>
      targets;  ///< module names or their ends; empty: written in a way that is not read here
  std::map<std::string, std::int64_t> rank_of;  ///< rank_pattern
  std::map<std::string, double> alpha_of;       ///< alpha_pattern

  /// What A and B of `module` are multiplied by.
  double scaling(std::string_view module) const;
  std::int64_t rank_for(std::string_view module) const;
  bool targets_module(std::string_view module) const;
};

/// Errors: malformed; unavailable (not LoRA, DoRA, patterns with regular expressions, …).
Result<AdapterConfig> adapter_config_from(const nlohmann::json& config);

/// What an adapter's file holds, by the names of the model it is for.
struct AdapterTensors {
  struct Pair {
    const Located* a = nullptr;  ///< [r, in]
    const Located* b = nullptr;  ///< [out, r]
  };
  std::map<std::string, Pair> pairs;               ///< by module: "model.layers.0.self_attn.q_proj"
  std::map<std::string, const Located*> replaced;  ///< whole tensors: modules_to_save, biases
  bool embeddings = false;           ///< it changes the embeddings by LoRA too, which is not known here
  std::vector<std::string> unknown;  ///< names that fit none of these
};

AdapterTensors adapter_tensors(const WeightSet& weights);

}  // namespace redflag::forward
