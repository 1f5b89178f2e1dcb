#include "daemon/forward/model_parts.h"

#include <limits>

#include <ATen/ATen.h>

#include "daemon/forward/models.h"

namespace redflag::forward {

at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::quick_gelu:
      return x * at::sigmoid(x * 1.702);
    case Activation::relu:
      return at::relu(x);
    case Activation::silu:
      return at::silu(x);
    case Activation::tanh:
      return at::tanh(x);
    case Activation::sigmoid:
      return at::sigmoid(x);
  }
  return x;
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, x.size(1) / heads}).transpose(0, 1).contiguous();
}

at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(0, 1).contiguous().view({x.size(1), x.size(0) * x.size(2)});
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                     bool causal) {
  at::Tensor scores = at::matmul(q, k.transpose(1, 2)) * scale;
  if (causal) {
    const std::int64_t tokens = q.size(1);
    const at::Tensor future = at::ones({tokens, tokens}, at::kBool).triu(1);
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(at::softmax(scores, -1), v);
}

at::Tensor decoder_head(const ModelConfig& config, Weights& weights, const at::Tensor& hidden,
                        const std::string& embedding) {
  switch (config.head) {
    case Head::causal_lm:
      return config.tied ? weights.project(hidden, embedding) : weights.linear(hidden, "lm_head");
    case Head::sequence_classification:
      return weights.linear(hidden.narrow(0, hidden.size(0) - 1, 1), "score");
    case Head::token_classification:
      return weights.linear(hidden, config.family == Family::gpt2 ? "classifier" : "score");
    case Head::question_answering:
      return weights.linear(hidden, "qa_outputs");
    case Head::none:
    case Head::masked_lm:
      break;
  }
  return hidden;
}

std::string base_name(const ModelConfig& config, const std::string& name) {
  return config.head == Head::none ? name : std::string(config.base_prefix()) + name;
}

at::Tensor run_model(const ModelConfig& config, Weights& weights, const std::vector<std::int64_t>& ids,
                     const LayerHook& hook) {
  switch (config.family) {
    case Family::llama:
      return run_llama(config, weights, ids, hook);
    case Family::gpt2:
      return run_gpt2(config, weights, ids, hook);
    case Family::bert:
    case Family::roberta:
      break;
  }
  return run_bert(config, weights, ids, hook);
}

}  // namespace redflag::forward
