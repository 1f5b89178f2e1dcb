// Llama, TinyLlama, Mistral: RMS norm, rotary positions, grouped-query attention, SwiGLU.
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/model_parts.h"
#include "daemon/forward/models.h"

namespace redflag::forward {
namespace {

/// modeling_rope_utils.py, _compute_llama3_parameters.
double stretched(double frequency, const RopeScaling& rope) {
  if (rope.kind == RopeScaling::Kind::none) return frequency;
  if (rope.kind == RopeScaling::Kind::linear) return frequency / rope.factor;
  const double turns =
      rope.original_context * frequency / (2 * std::numbers::pi);  // within the trained context
  if (turns < rope.low_frequency_factor) return frequency / rope.factor;
  if (turns > rope.high_frequency_factor) return frequency;
  const double smooth =
      (turns - rope.low_frequency_factor) / (rope.high_frequency_factor - rope.low_frequency_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

struct Rotation {
  at::Tensor cos, sin;  ///< [tokens, head_dim]
};

Rotation rotation(const ModelConfig& config, std::int64_t tokens) {
  const std::int64_t half = config.head_dim / 2;
  at::Tensor angles = at::empty({tokens, config.head_dim}, at::kDouble);
  auto out = angles.accessor<double, 2>();
  for (std::int64_t i = 0; i < half; ++i) {
    const double power = 2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    const double frequency = stretched(std::pow(config.rope_theta, -power), config.rope);
    for (std::int64_t t = 0; t < tokens; ++t)
      out[t][i] = out[t][i + half] = static_cast<double>(t) * frequency;
  }
  return {angles.cos().to(at::kFloat), angles.sin().to(at::kFloat)};
}

at::Tensor rotate(const at::Tensor& x, const Rotation& by) {
  const std::int64_t half = x.size(-1) / 2;
  const at::Tensor turned = at::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
  return x * by.cos + turned * by.sin;
}

at::Tensor self_attention(const ModelConfig& config, Weights& weights, const std::string& at,
                          const at::Tensor& x, const Rotation& by) {
  const at::Tensor q = rotate(split_heads(weights.linear(x, at + "q_proj"), config.heads), by);
  at::Tensor k = rotate(split_heads(weights.linear(x, at + "k_proj"), config.kv_heads), by);
  at::Tensor v = split_heads(weights.linear(x, at + "v_proj"), config.kv_heads);
  if (const std::int64_t group = config.heads / config.kv_heads; group > 1) {
    k = k.repeat_interleave(group, 0);
    v = v.repeat_interleave(group, 0);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(config.head_dim));
  return weights.linear(merge_heads(attention(q, k, v, scale, true)), at + "o_proj");
}

}  // namespace

at::Tensor run_llama(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                     const LayerHook& hook) {
  const std::string embedding = base_name(config, "embed_tokens.weight");
  at::Tensor x = weights.embedding(embedding, ids);
  hook(0, x);
  const Rotation by = rotation(config, x.size(0));
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string at = base_name(config, fmt::format("layers.{}.", i));
    const at::Tensor normed = weights.rms_norm(x, at + "input_layernorm.weight", config.norm_epsilon);
    x = x + self_attention(config, weights, at + "self_attn.", normed, by);
    const at::Tensor y = weights.rms_norm(x, at + "post_attention_layernorm.weight", config.norm_epsilon);
    const at::Tensor gate = activate(weights.linear(y, at + "mlp.gate_proj"), config.activation);
    x = x + weights.linear(gate * weights.linear(y, at + "mlp.up_proj"), at + "mlp.down_proj");
    hook(i + 1, x);
  }
  x = weights.rms_norm(x, base_name(config, "norm.weight"), config.norm_epsilon);
  return decoder_head(config, weights, x, embedding);
}

}  // namespace redflag::forward
