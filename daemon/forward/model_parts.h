// What the forward passes share.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "daemon/forward/model_config.h"
#include "daemon/forward/weights.h"

namespace redflag::forward {

at::Tensor activate(const at::Tensor& x, Activation activation);

/// [tokens, heads * width] to [heads, tokens, width].
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);
at::Tensor merge_heads(const at::Tensor& x);

/// softmax(q k^T * scale) v, over [heads, tokens, width].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                     bool causal);

/// The output head of a decoder: output embedding, classifier of the last token or of each token, spans.
/// `embedding` is the name of the input embedding, used where both are tied.
at::Tensor decoder_head(const ModelConfig& config, Weights& weights, const at::Tensor& hidden,
                        const std::string& embedding);

/// The name of a tensor of the base model in a model with this head.
std::string base_name(const ModelConfig& config, const std::string& name);

}  // namespace redflag::forward
