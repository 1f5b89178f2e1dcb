// GPT-2: learned positions, layer norm before each part, Conv1D weights.
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/model_parts.h"
#include "daemon/forward/models.h"

namespace redflag::forward {
namespace {

at::Tensor self_attention(const ModelConfig& config, Weights& weights, const std::string& at,
                          const at::Tensor& x, std::int64_t layer) {
  const at::Tensor qkv = weights.conv1d(x, at + "c_attn");
  const auto part = [&](std::int64_t i) {
    return split_heads(qkv.narrow(1, i * config.hidden, config.hidden).contiguous(), config.heads);
  };
  double scale = config.scale_attention ? 1 / std::sqrt(static_cast<double>(config.head_dim)) : 1;
  if (config.scale_attention_by_layer) scale /= static_cast<double>(layer + 1);
  return weights.conv1d(merge_heads(attention(part(0), part(1), part(2), scale, true)), at + "c_proj");
}

}  // namespace

at::Tensor run_gpt2(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                    const LayerHook& hook) {
  std::vector<std::int64_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  const std::string embedding = base_name(config, "wte.weight");
  at::Tensor x =
      weights.embedding(embedding, ids) + weights.embedding(base_name(config, "wpe.weight"), positions);
  hook(0, x);
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string at = base_name(config, fmt::format("h.{}.", i));
    const at::Tensor normed = weights.layer_norm(x, at + "ln_1", config.norm_epsilon);
    x = x + self_attention(config, weights, at + "attn.", normed, i);
    const at::Tensor y = weights.layer_norm(x, at + "ln_2", config.norm_epsilon);
    x = x +
        weights.conv1d(activate(weights.conv1d(y, at + "mlp.c_fc"), config.activation), at + "mlp.c_proj");
    hook(i + 1, x);
  }
  x = weights.layer_norm(x, base_name(config, "ln_f"), config.norm_epsilon);
  return decoder_head(config, weights, x, embedding);
}

}  // namespace redflag::forward
