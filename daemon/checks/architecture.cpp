// Config to names and shapes. A dimension that config.json leaves out is not guessed from the class's
// defaults: files written by hand often leave it out, and a wrong guess would be a false alarm.
#include "daemon/checks/architecture.h"

#include <algorithm>

#include <fmt/format.h>

namespace redflag::checks {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr std::int64_t kMostLayers = 10'000;

std::int64_t dimension(const Values& config, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto value = config.whole(name)) return *value;
  }
  return kAny;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  return a == kAny || b == kAny ? kAny : a * b;  // each at most 10^9
}

void add(std::vector<ExpectedTensor>& to, std::string name, Shape shape, bool required = true) {
  to.push_back({std::move(name), std::move(shape), required});
}

/// NAME.weight [out, in] and NAME.bias [out].
void add_linear(std::vector<ExpectedTensor>& to, const std::string& name, std::int64_t out, std::int64_t in,
                bool bias = true, bool required = true) {
  add(to, name + ".weight", {out, in}, required);
  if (bias) add(to, name + ".bias", {out}, required);
}

void add_norm(std::vector<ExpectedTensor>& to, const std::string& name, std::int64_t size) {
  add(to, name + ".weight", {size});
  add(to, name + ".bias", {size});
}

/// What a model is for, from the name of its class: "LlamaForSequenceClassification".
struct Purpose {
  bool generates = false;
  bool classifies = false;
  bool classifies_tokens = false;
  bool answers = false;
};

Purpose purpose_of(const Values& config) {
  const std::string name = config.text("architectures.0").value_or("");
  return {name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel"),
          name.ends_with("ForSequenceClassification"), name.ends_with("ForTokenClassification"),
          name.ends_with("ForQuestionAnswering")};
}

/// kAny when config.json leaves it at the class's default.
std::int64_t label_count(const Values& config) {
  if (const auto count = config.whole("num_labels")) return *count;
  const auto labels = config.below("id2label");
  const auto named =
      std::count_if(labels.begin(), labels.end(), [](const auto& each) { return each.first != "length"; });
  return named == 0 ? kAny : static_cast<std::int64_t>(named);
}

/// Heads of models that read a sequence from left to right.
void add_decoder_heads(const Values& config, bool tied_by_default, std::int64_t vocabulary,
                       std::int64_t hidden, Architecture& out) {
  const Purpose purpose = purpose_of(config);
  const bool tied = config.flag("tie_word_embeddings").value_or(tied_by_default);
  const std::int64_t labels = label_count(config);
  add(out.heads, "lm_head.weight", {vocabulary, hidden}, purpose.generates && !tied);
  add(out.heads, "score.weight", {labels, hidden}, purpose.classifies);
  add_linear(out.heads, "qa_outputs", kAny, hidden, true, purpose.answers);
}

Architecture llama(const Values& config) {
  Architecture out;
  out.family = "llama";
  out.prefixes = {"model.", "transformer.", ""};
  out.layer_stem = "layers.";
  const std::int64_t hidden = dimension(config, {"hidden_size"});
  const std::int64_t inner = dimension(config, {"intermediate_size"});
  const std::int64_t vocabulary = dimension(config, {"vocab_size"});
  const std::int64_t heads = dimension(config, {"num_attention_heads"});
  const bool mistral = architecture_name(config) == "mistral";  // its default is 8, Llama's as many as heads
  const std::int64_t kv_heads =
      dimension(config, {"num_key_value_heads", mistral ? "" : "num_attention_heads"});
  std::int64_t head_size = dimension(config, {"head_dim"});
  if (head_size == kAny && hidden != kAny && heads > 0 && hidden % heads == 0) head_size = hidden / heads;
  const bool attention_bias = config.flag("attention_bias").value_or(false);
  const bool mlp_bias = config.flag("mlp_bias").value_or(false);

  add(out.base, "embed_tokens.weight", {vocabulary, hidden});
  out.layers = dimension(config, {"num_hidden_layers"});
  for (std::int64_t i = 0; i < out.layers && i < kMostLayers; ++i) {
    const std::string layer = fmt::format("layers.{}.", i);
    add_linear(out.base, layer + "self_attn.q_proj", times(heads, head_size), hidden, attention_bias);
    add_linear(out.base, layer + "self_attn.k_proj", times(kv_heads, head_size), hidden, attention_bias);
    add_linear(out.base, layer + "self_attn.v_proj", times(kv_heads, head_size), hidden, attention_bias);
    add_linear(out.base, layer + "self_attn.o_proj", hidden, times(heads, head_size), attention_bias);
    add_linear(out.base, layer + "mlp.gate_proj", inner, hidden, mlp_bias);
    add_linear(out.base, layer + "mlp.up_proj", inner, hidden, mlp_bias);
    add_linear(out.base, layer + "mlp.down_proj", hidden, inner, mlp_bias);
    add(out.base, layer + "input_layernorm.weight", {hidden});
    add(out.base, layer + "post_attention_layernorm.weight", {hidden});
  }
  add(out.base, "norm.weight", {hidden});
  add_decoder_heads(config, false, vocabulary, hidden, out);
  return out;
}

Architecture gpt2(const Values& config) {
  Architecture out;
  out.family = "gpt2";
  out.prefixes = {"transformer.", ""};
  out.layer_stem = "h.";
  const std::int64_t hidden = dimension(config, {"n_embd", "hidden_size"});
  const std::int64_t positions = dimension(config, {"n_positions", "max_position_embeddings"});
  const std::int64_t vocabulary = dimension(config, {"vocab_size"});
  std::int64_t inner = dimension(config, {"n_inner"});
  if (inner == kAny) inner = times(4, hidden);

  add(out.base, "wte.weight", {vocabulary, hidden});
  add(out.base, "wpe.weight", {positions, hidden});
  out.layers = dimension(config, {"n_layer", "num_hidden_layers"});
  for (std::int64_t i = 0; i < out.layers && i < kMostLayers; ++i) {
    const std::string layer = fmt::format("h.{}.", i);
    const auto conv = [&](const char* name, std::int64_t in, std::int64_t width) {  // Conv1D: input first
      add(out.base, layer + name + ".weight", {in, width});
      add(out.base, layer + name + ".bias", {width});
    };
    add_norm(out.base, layer + "ln_1", hidden);
    conv("attn.c_attn", hidden, times(3, hidden));
    conv("attn.c_proj", hidden, hidden);
    add_norm(out.base, layer + "ln_2", hidden);
    conv("mlp.c_fc", hidden, inner);
    conv("mlp.c_proj", inner, hidden);
  }
  add_norm(out.base, "ln_f", hidden);
  add_decoder_heads(config, true, vocabulary, hidden, out);
  return out;
}

void add_bert_heads(const Values& config, bool roberta, std::int64_t hidden, Architecture& out) {
  const Purpose purpose = purpose_of(config);
  const std::int64_t labels = label_count(config);
  if (roberta) {
    add_linear(out.heads, "classifier.dense", hidden, hidden, true, purpose.classifies);
    add_linear(out.heads, "classifier.out_proj", labels, hidden, true, purpose.classifies);
  }
  const bool flat = purpose.classifies_tokens || (purpose.classifies && !roberta);
  add_linear(out.heads, "classifier", labels, hidden, true, flat);
  add_linear(out.heads, "qa_outputs", kAny, hidden, true, purpose.answers);
}

Architecture bert(const Values& config, bool roberta) {
  Architecture out;
  out.family = roberta ? "roberta" : "bert";
  out.prefixes = {roberta ? "roberta." : "bert.", ""};
  out.layer_stem = "encoder.layer.";
  const std::int64_t hidden = dimension(config, {"hidden_size"});
  const std::int64_t inner = dimension(config, {"intermediate_size"});

  add(out.base, "embeddings.word_embeddings.weight", {dimension(config, {"vocab_size"}), hidden});
  add(out.base, "embeddings.position_embeddings.weight",
      {dimension(config, {"max_position_embeddings"}), hidden});
  add(out.base, "embeddings.token_type_embeddings.weight", {dimension(config, {"type_vocab_size"}), hidden});
  add_norm(out.base, "embeddings.LayerNorm", hidden);
  out.layers = dimension(config, {"num_hidden_layers"});
  for (std::int64_t i = 0; i < out.layers && i < kMostLayers; ++i) {
    const std::string layer = fmt::format("encoder.layer.{}.", i);
    for (const char* part : {"query", "key", "value"}) {
      add_linear(out.base, layer + "attention.self." + part, hidden, hidden);
    }
    add_linear(out.base, layer + "attention.output.dense", hidden, hidden);
    add_norm(out.base, layer + "attention.output.LayerNorm", hidden);
    add_linear(out.base, layer + "intermediate.dense", inner, hidden);
    add_linear(out.base, layer + "output.dense", hidden, inner);
    add_norm(out.base, layer + "output.LayerNorm", hidden);
  }
  add_linear(out.base, "pooler.dense", hidden, hidden, true, false);
  add_bert_heads(config, roberta, hidden, out);
  return out;
}

}  // namespace

std::string architecture_name(const Values& config) {
  if (const auto type = config.text("model_type")) return *type;
  std::string name = config.text("architectures.0").value_or("");
  for (const auto& [start, type] :
       {std::pair("Llama", "llama"), std::pair("Mistral", "mistral"), std::pair("GPT2", "gpt2"),
        std::pair("Bert", "bert"), std::pair("Roberta", "roberta")}) {
    if (name.starts_with(std::string(start) + "For") || name == std::string(start) + "Model" ||
        name == std::string(start) + "LMHeadModel") {
      return type;
    }
  }
  return name;
}

std::optional<Architecture> architecture_of(const Values& config) {
  const std::string name = architecture_name(config);
  std::optional<Architecture> out;
  if (name == "llama" || name == "mistral") out = llama(config);
  if (name == "gpt2") out = gpt2(config);
  if (name == "bert") out = bert(config, false);
  if (name == "roberta" || name == "xlm-roberta") out = bert(config, true);
  if (out && (out->layers <= 0 || out->layers > kMostLayers)) out.reset();
  return out;
}

bool fits(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& expected) {
  return std::equal(shape.begin(), shape.end(), expected.begin(), expected.end(),
                    [](std::int64_t is, std::int64_t should) { return should == kAny || is == should; });
}

}  // namespace redflag::checks
