#include "daemon/forward/model_layout.h"

#include <array>

#include <fmt/format.h>

namespace redflag::forward {
namespace {

using Shape = std::vector<std::int64_t>;

class Layout {
 public:
  explicit Layout(const ModelConfig& config) : config_(config) {}

  /// A tensor of the base model: with the prefix in a model with a head, without it in a bare one; both are
  /// accepted.
  void base(const std::string& name, Shape shape, bool required = true) {
    const std::string prefix(config_.base_prefix());
    const bool bare = config_.head == Head::none;
    ExpectedTensor tensor{
        bare ? name : prefix + name, {bare ? prefix + name : name}, std::move(shape), required};
    // LlamaForQuestionAnswering changed its prefix between versions.
    if (config_.family == Family::llama)
      tensor.aliases.push_back((prefix == "model." ? "transformer." : "model.") + name);
    add_old_norm_names(tensor);
    tensors.push_back(std::move(tensor));
  }
  void head(const std::string& name, Shape shape, std::vector<std::string> aliases = {}) {
    ExpectedTensor tensor{name, std::move(aliases), std::move(shape), true};
    add_old_norm_names(tensor);
    tensors.push_back(std::move(tensor));
  }
  void base_norm(const std::string& name) {
    base(name + ".weight", {config_.hidden});
    base(name + ".bias", {config_.hidden});
  }
  /// torch.nn.Linear: [out, in].
  void base_linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias,
                   bool required = true) {
    base(name + ".weight", {out, in}, required);
    if (bias) base(name + ".bias", {out}, required);
  }
  /// GPT-2's Conv1D: [in, out].
  void base_conv(const std::string& name, std::int64_t in, std::int64_t out) {
    base(name + ".weight", {in, out});
    base(name + ".bias", {out});
  }
  void head_linear(const std::string& name, std::int64_t out, bool bias) {
    head(name + ".weight", {out, config_.hidden});
    if (bias) head(name + ".bias", {out});
  }
  /// Needed unless it is the input embedding. Of two tied tensors a file may hold either one.
  void add_output_embedding() {
    const std::string name = output_embedding(config_);
    head(name, {config_.vocabulary, config_.hidden});
    tensors.back().required = !config_.tied;
    if (config_.tied) tensors.front().aliases.push_back(name);
  }

  std::vector<ExpectedTensor> tensors;  ///< the first one is the input embedding

 private:
  /// TensorFlow's names, in checkpoints of BERT's first years.
  static void add_old_norm_names(ExpectedTensor& tensor) {
    std::vector<std::string> old;
    for (const std::string& name : tensor.aliases) add_old_norm_name(name, old);
    add_old_norm_name(tensor.name, old);
    tensor.aliases.insert(tensor.aliases.end(), old.begin(), old.end());
  }
  static void add_old_norm_name(const std::string& name, std::vector<std::string>& out) {
    if (name.ends_with("LayerNorm.weight")) out.push_back(name.substr(0, name.size() - 6) + "gamma");
    if (name.ends_with("LayerNorm.bias")) out.push_back(name.substr(0, name.size() - 4) + "beta");
  }

  const ModelConfig& config_;
};

void add_llama(const ModelConfig& c, Layout& out) {
  out.base("embed_tokens.weight", {c.vocabulary, c.hidden});
  const std::int64_t q = c.heads * c.head_dim;
  const std::int64_t kv = c.kv_heads * c.head_dim;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string at = fmt::format("layers.{}.", i);
    out.base(at + "input_layernorm.weight", {c.hidden});
    out.base_linear(at + "self_attn.q_proj", q, c.hidden, c.attention_bias);
    out.base_linear(at + "self_attn.k_proj", kv, c.hidden, c.attention_bias);
    out.base_linear(at + "self_attn.v_proj", kv, c.hidden, c.attention_bias);
    out.base_linear(at + "self_attn.o_proj", c.hidden, q, c.attention_bias);
    out.base(at + "post_attention_layernorm.weight", {c.hidden});
    out.base_linear(at + "mlp.gate_proj", c.intermediate, c.hidden, c.mlp_bias);
    out.base_linear(at + "mlp.up_proj", c.intermediate, c.hidden, c.mlp_bias);
    out.base_linear(at + "mlp.down_proj", c.hidden, c.intermediate, c.mlp_bias);
  }
  out.base("norm.weight", {c.hidden});
}

void add_gpt2(const ModelConfig& c, Layout& out) {
  out.base("wte.weight", {c.vocabulary, c.hidden});
  out.base("wpe.weight", {c.positions, c.hidden});
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string at = fmt::format("h.{}.", i);
    out.base_norm(at + "ln_1");
    out.base_conv(at + "attn.c_attn", c.hidden, 3 * c.hidden);
    out.base_conv(at + "attn.c_proj", c.hidden, c.hidden);
    out.base_norm(at + "ln_2");
    out.base_conv(at + "mlp.c_fc", c.hidden, c.intermediate);
    out.base_conv(at + "mlp.c_proj", c.intermediate, c.hidden);
  }
  out.base_norm("ln_f");
}

void add_bert(const ModelConfig& c, Layout& out) {
  out.base("embeddings.word_embeddings.weight", {c.vocabulary, c.hidden});
  out.base("embeddings.position_embeddings.weight", {c.positions, c.hidden});
  out.base("embeddings.token_type_embeddings.weight", {c.token_types, c.hidden});
  out.base_norm("embeddings.LayerNorm");
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string at = fmt::format("encoder.layer.{}.", i);
    for (const char* name : {"query", "key", "value"})
      out.base_linear(at + "attention.self." + name, c.hidden, c.hidden, true);
    out.base_linear(at + "attention.output.dense", c.hidden, c.hidden, true);
    out.base_norm(at + "attention.output.LayerNorm");
    out.base_linear(at + "intermediate.dense", c.intermediate, c.hidden, true);
    out.base_linear(at + "output.dense", c.hidden, c.intermediate, true);
    out.base_norm(at + "output.LayerNorm");
  }
  const bool pooled = c.family == Family::bert && c.head == Head::sequence_classification;
  out.base_linear("pooler.dense", c.hidden, c.hidden, true, pooled);
}

void add_masked_lm(const ModelConfig& c, Layout& out) {
  const bool roberta = c.family == Family::roberta;
  const std::string top = roberta ? "lm_head." : "cls.predictions.";
  out.head_linear(roberta ? "lm_head.dense" : "cls.predictions.transform.dense", c.hidden, true);
  const std::string norm = roberta ? "lm_head.layer_norm" : "cls.predictions.transform.LayerNorm";
  out.head(norm + ".weight", {c.hidden});
  out.head(norm + ".bias", {c.hidden});
  out.add_output_embedding();
  out.head(top + "bias", {c.vocabulary}, {top + "decoder.bias"});
}

void add_classifier(const ModelConfig& c, Layout& out) {
  const std::int64_t labels = c.labels.value_or(-1);
  const bool tokens = c.head == Head::token_classification;
  switch (c.family) {
    case Family::llama:
      return out.head_linear("score", labels, tokens);
    case Family::gpt2:
      return out.head_linear(tokens ? "classifier" : "score", labels, tokens);
    case Family::bert:
      return out.head_linear("classifier", labels, true);
    case Family::roberta:
      if (tokens) return out.head_linear("classifier", labels, true);
      out.head_linear("classifier.dense", c.hidden, true);
      return out.head_linear("classifier.out_proj", labels, true);
  }
}

void add_head(const ModelConfig& c, Layout& out) {
  switch (c.head) {
    case Head::none:
      return;
    case Head::causal_lm:
      return out.add_output_embedding();
    case Head::masked_lm:
      return add_masked_lm(c, out);
    case Head::sequence_classification:
    case Head::token_classification:
      return add_classifier(c, out);
    case Head::question_answering:
      return out.head_linear("qa_outputs", 2, true);
  }
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
  Layout layout(config);
  switch (config.family) {
    case Family::llama:
      add_llama(config, layout);
      break;
    case Family::gpt2:
      add_gpt2(config, layout);
      break;
    case Family::bert:
    case Family::roberta:
      add_bert(config, layout);
      break;
  }
  add_head(config, layout);
  return std::move(layout.tensors);
}

std::string output_embedding(const ModelConfig& config) {
  if (config.head == Head::causal_lm) return "lm_head.weight";
  if (config.head != Head::masked_lm) return "";
  return config.family == Family::roberta ? "lm_head.decoder.weight" : "cls.predictions.decoder.weight";
}

bool is_ignored_buffer(std::string_view name) {
  constexpr std::array<std::string_view, 5> kBuffers = {"rotary_emb.inv_freq", "attn.bias",
                                                        "attn.masked_bias", "embeddings.position_ids",
                                                        "embeddings.token_type_ids"};
  for (const std::string_view buffer : kBuffers) {
    if (!name.ends_with(buffer)) continue;
    if (name.size() == buffer.size() || name[name.size() - buffer.size() - 1] == '.') return true;
  }
  return false;
}

}  // namespace redflag::forward
