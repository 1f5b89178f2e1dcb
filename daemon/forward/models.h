// The forward passes. Each takes token ids and gives the model's output in float32: [tokens, vocabulary] or
// [tokens, 2] or [tokens, labels], [1, labels] for classification, [tokens, hidden] for a bare model. Written
// after transformers' modeling_llama.py, modeling_gpt2.py, modeling_bert.py and modeling_roberta.py.
#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "daemon/forward/model_config.h"
#include "daemon/forward/weights.h"

namespace redflag::forward {

/// Called with the hidden state after the embeddings (0) and after each layer (1, …).
using LayerHook = std::function<void(std::int64_t, const at::Tensor&)>;

at::Tensor run_llama(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                     const LayerHook& hook);
at::Tensor run_gpt2(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                    const LayerHook& hook);
/// RoBERTa too.
at::Tensor run_bert(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                    const LayerHook& hook);

at::Tensor run_model(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                     const LayerHook& hook);

}  // namespace redflag::forward
