// What config.json says of a model, as far as a forward pass needs it.
// Names and defaults: transformers' configuration_llama.py, _mistral.py, _gpt2.py, _bert.py, _roberta.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "rules/values/error.h"

namespace redflag::forward {

enum class Family : std::uint8_t { llama, gpt2, bert, roberta };

enum class Head : std::uint8_t {
  none,
  causal_lm,
  masked_lm,
  sequence_classification,
  token_classification,
  question_answering,
};

enum class Activation : std::uint8_t { gelu, gelu_tanh, quick_gelu, relu, silu, tanh, sigmoid };

/// How rotary frequencies are stretched for long contexts.
struct RopeScaling {
  enum class Kind : std::uint8_t { none, linear, llama3 } kind = Kind::none;
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_context = 8192;
};

struct ModelConfig {
  std::string architecture;  ///< "LlamaForCausalLM"
  Family family = Family::llama;
  Head head = Head::none;
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t intermediate = 0;
  std::int64_t positions = 0;          ///< longest input, in tokens (RoBERTa: rows of its table)
  std::int64_t token_types = 0;        ///< BERT family
  std::optional<std::int64_t> labels;  ///< none: whatever the head's tensor has
  std::int64_t pad_token = 1;          ///< RoBERTa: its positions begin after it
  double norm_epsilon = 1e-5;
  double rope_theta = 10000;
  RopeScaling rope;
  Activation activation = Activation::gelu;
  bool attention_bias = false;
  bool mlp_bias = false;
  bool tied = false;                      ///< the output embedding is the input embedding
  bool scale_attention = true;            ///< GPT-2: divide by sqrt(head_dim)
  bool scale_attention_by_layer = false;  ///< GPT-2: and by the layer's number

  /// "model.", "transformer.", "bert.", "roberta.": what stands before the base model's names when there is a
  /// head.
  std::string_view base_prefix() const;
};

/// The name of the family's class with another head: "LlamaForSequenceClassification".
std::string architecture_name(Family family, Head head);

/// `task` is peft's task_type, which decides the head of an adapter's model; "" = the architecture does.
/// What config.json leaves out has transformers' default. Errors: malformed (a number makes no sense),
/// unavailable (not known here: architecture, activation, rotary scaling, quantisation, …).
Result<ModelConfig> model_config_from(const nlohmann::json& config, std::string_view task = {});

}  // namespace redflag::forward
