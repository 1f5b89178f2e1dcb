// BERT and RoBERTa: layer norm after each part, attention both ways; they differ in positions and heads.
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/model_layout.h"
#include "daemon/forward/model_parts.h"
#include "daemon/forward/models.h"

namespace redflag::forward {
namespace {

/// RoBERTa counts from the padding token's id on, over tokens that are not padding themselves.
std::vector<std::int64_t> positions_of(const ModelConfig& config, const std::vector<std::int64_t>& ids) {
  std::vector<std::int64_t> positions(ids.size());
  if (config.family == Family::bert) {
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
  }
  std::int64_t last = config.pad_token;
  for (std::size_t i = 0; i < ids.size(); ++i)
    positions[i] = ids[i] == config.pad_token ? config.pad_token : ++last;
  return positions;
}

at::Tensor embed(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids) {
  const std::string at = base_name(config, "embeddings.");
  const std::vector<std::int64_t> first_type(ids.size(), 0);
  const at::Tensor x = weights.embedding(at + "word_embeddings.weight", ids) +
                       weights.embedding(at + "token_type_embeddings.weight", first_type) +
                       weights.embedding(at + "position_embeddings.weight", positions_of(config, ids));
  return weights.layer_norm(x, at + "LayerNorm", config.norm_epsilon);
}

at::Tensor layer(const ModelConfig& config, Weights& weights, const std::string& at, const at::Tensor& x) {
  const auto heads = [&](const char* name) {
    return split_heads(weights.linear(x, at + "attention.self." + name), config.heads);
  };
  const double scale = 1 / std::sqrt(static_cast<double>(config.head_dim));
  const at::Tensor mixed = merge_heads(attention(heads("query"), heads("key"), heads("value"), scale, false));
  const at::Tensor y = weights.layer_norm(x + weights.linear(mixed, at + "attention.output.dense"),
                                          at + "attention.output.LayerNorm", config.norm_epsilon);
  const at::Tensor inner = activate(weights.linear(y, at + "intermediate.dense"), config.activation);
  return weights.layer_norm(y + weights.linear(inner, at + "output.dense"), at + "output.LayerNorm",
                            config.norm_epsilon);
}

at::Tensor masked_lm(const ModelConfig& config, Weights& weights, const at::Tensor& x) {
  const bool roberta = config.family == Family::roberta;
  const std::string top = roberta ? "lm_head." : "cls.predictions.";
  const std::string dense = roberta ? "lm_head.dense" : "cls.predictions.transform.dense";
  const std::string norm = roberta ? "lm_head.layer_norm" : "cls.predictions.transform.LayerNorm";
  // RoBERTa's head has gelu whatever the layers have.
  const at::Tensor y = activate(weights.linear(x, dense), roberta ? Activation::gelu : config.activation);
  const std::string decoder =
      config.tied ? base_name(config, "embeddings.word_embeddings.weight") : output_embedding(config);
  return weights.project(weights.layer_norm(y, norm, config.norm_epsilon), decoder) +
         weights.vector(top + "bias");
}

at::Tensor classify(const ModelConfig& config, Weights& weights, const at::Tensor& x) {
  const at::Tensor first = x.narrow(0, 0, 1);
  if (config.family == Family::bert)
    return weights.linear(at::tanh(weights.linear(first, base_name(config, "pooler.dense"))), "classifier");
  return weights.linear(at::tanh(weights.linear(first, "classifier.dense")), "classifier.out_proj");
}

}  // namespace

at::Tensor run_bert(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                    const LayerHook& hook) {
  at::Tensor x = embed(config, weights, ids);
  hook(0, x);
  for (std::int64_t i = 0; i < config.layers; ++i) {
    x = layer(config, weights, base_name(config, fmt::format("encoder.layer.{}.", i)), x);
    hook(i + 1, x);
  }
  switch (config.head) {
    case Head::masked_lm:
      return masked_lm(config, weights, x);
    case Head::sequence_classification:
      return classify(config, weights, x);
    case Head::token_classification:
      return weights.linear(x, "classifier");
    case Head::question_answering:
      return weights.linear(x, "qa_outputs");
    case Head::none:
    case Head::causal_lm:
      break;
  }
  return x;
}

}  // namespace redflag::forward
