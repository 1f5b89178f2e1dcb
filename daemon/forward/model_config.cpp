#include "daemon/forward/model_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/forward/outcome.h"

namespace redflag::forward {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDoing = "reading config.json";

struct FamilyNames {
  Family family;
  std::string_view class_prefix;  ///< of the Python class
  std::string_view model_type;
};
constexpr std::array<FamilyNames, 6> kFamilies = {{{Family::llama, "Llama", "llama"},
                                                   {Family::llama, "Mistral", "mistral"},
                                                   {Family::gpt2, "GPT2", "gpt2"},
                                                   {Family::bert, "Bert", "bert"},
                                                   {Family::roberta, "Roberta", "roberta"},
                                                   {Family::roberta, "XLMRoberta", "xlm-roberta"}}};

struct HeadName {
  Head head;
  std::string_view suffix;
  std::string_view task;  ///< peft's
};
constexpr std::array<HeadName, 7> kHeads = {
    {{Head::none, "Model", "FEATURE_EXTRACTION"},
     {Head::causal_lm, "ForCausalLM", "CAUSAL_LM"},
     {Head::causal_lm, "LMHeadModel", "CAUSAL_LM"},
     {Head::masked_lm, "ForMaskedLM", ""},
     {Head::sequence_classification, "ForSequenceClassification", "SEQ_CLS"},
     {Head::token_classification, "ForTokenClassification", "TOKEN_CLS"},
     {Head::question_answering, "ForQuestionAnswering", "QUESTION_ANS"}}};

tl::unexpected<Error> unknown(std::string what) {
  return fail(ErrorCode::unavailable, "", std::move(what));
}

bool has_head(Family family, Head head) {
  const bool encoder = family == Family::bert || family == Family::roberta;
  if (head == Head::causal_lm) return !encoder;
  if (head == Head::masked_lm) return encoder;
  return true;
}

/// Reads members of one JSON object; the first that makes no sense is kept as the mistake.
class Members {
 public:
  explicit Members(const Json& json) : json_(json) {}

  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  /// Sizes beyond 2^27 are nobody's, and would overflow products.
  std::int64_t size(const char* key, std::int64_t fallback, std::int64_t lowest = 1) {
    constexpr std::int64_t kHighest = 1LL << 27;
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number_integer()) return wrong(fmt::format("{} is no whole number", key));
    const auto number = value->get<std::int64_t>();
    if (number < lowest || number > kHighest) return wrong(fmt::format("{} is {}", key, number));
    return number;
  }
  double number(const char* key, double fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    const double number = value->is_number() ? value->get<double>() : std::nan("");
    if (!std::isfinite(number) || number <= 0) wrong(fmt::format("{} is no positive number", key));
    return number;
  }
  bool flag(const char* key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) wrong(fmt::format("{} is neither true nor false", key));
    return value->is_boolean() && value->get<bool>();
  }
  std::string text(const char* key) const {
    const Json* value = find(key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  }
  std::int64_t wrong(std::string what) {
    if (mistake_.empty()) mistake_ = std::move(what);
    return 1;
  }
  const std::string& mistake() const { return mistake_; }

 private:
  const Json& json_;
  std::string mistake_;
};

std::string first_architecture(const Members& members) {
  const Json* list = members.find("architectures");
  if (list == nullptr || !list->is_array() || list->empty() || !list->front().is_string()) return {};
  return list->front().get<std::string>();
}

/// The class in `architectures`; without one, the bare model of `model_type`.
Result<void> set_architecture(const Members& members, ModelConfig& out) {
  const std::string name = first_architecture(members);
  const std::string type = members.text("model_type");
  for (const FamilyNames& family : kFamilies) {
    if (name.empty() ? type != family.model_type : !name.starts_with(family.class_prefix)) continue;
    for (const HeadName& head : kHeads) {
      const std::string full = std::string(family.class_prefix) + std::string(head.suffix);
      if (name.empty() ? head.head != Head::none : name != full) continue;
      if (!has_head(family.family, head.head)) continue;
      out.architecture = full;
      out.family = family.family;
      out.head = head.head;
      return {};
    }
  }
  if (name.empty() && type.empty()) return unknown("config.json names neither architectures nor model_type");
  return unknown(fmt::format("unknown architecture {}", one_line(name.empty() ? type : name)));
}

Result<void> set_task(std::string_view task, ModelConfig& out) {
  if (task.empty()) return {};
  for (const HeadName& head : kHeads) {
    if (head.task != task || !has_head(out.family, head.head)) continue;
    if (out.head == head.head) return {};
    out.head = head.head;
    out.architecture = architecture_name(out.family, head.head);
    return {};
  }
  return unknown(fmt::format("unknown task_type {} of the adapter", one_line(task)));
}

Result<Activation> activation_from(std::string_view name) {
  if (name == "gelu" || name == "gelu_python") return Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast" || name == "gelu_python_tanh")
    return Activation::gelu_tanh;
  if (name == "quick_gelu") return Activation::quick_gelu;
  if (name == "relu") return Activation::relu;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  return unknown(fmt::format("unknown activation {}", one_line(name)));
}

Result<void> set_activation(const Members& members, const char* key, std::string_view fallback,
                            ModelConfig& out) {
  const std::string name = members.text(key);
  if (name.empty() && members.find(key) != nullptr) return unknown(fmt::format("{} is no name", key));
  const Result<Activation> activation = activation_from(name.empty() ? fallback : std::string_view(name));
  if (!activation) return tl::unexpected<Error>(activation.error());
  out.activation = *activation;
  return {};
}

/// `scaling` is rope_scaling, or rope_parameters of newer files, which holds rope_theta too.
Result<void> set_rope(const Json& scaling, ModelConfig& out, std::string& mistake) {
  if (!scaling.is_object()) return unknown("rope_scaling is no object");
  Members members(scaling);
  std::string kind = members.text("rope_type");
  if (kind.empty()) kind = members.text("type");
  out.rope_theta = members.number("rope_theta", out.rope_theta);
  out.rope.factor = members.number("factor", 1);
  // "dynamic" changes nothing below the trained context, and the input here is short.
  if (kind == "linear") {
    out.rope.kind = RopeScaling::Kind::linear;
  } else if (kind == "llama3") {
    out.rope.kind = RopeScaling::Kind::llama3;
    out.rope.low_frequency_factor = members.number("low_freq_factor", 1);
    out.rope.high_frequency_factor = members.number("high_freq_factor", 4);
    out.rope.original_context = members.number("original_max_position_embeddings", 8192);
    if (out.rope.high_frequency_factor <= out.rope.low_frequency_factor)
      members.wrong("high_freq_factor is not above low_freq_factor");
  } else if (!kind.empty() && kind != "default" && kind != "dynamic") {
    return unknown(fmt::format("unknown rope_scaling {}", one_line(kind)));
  }
  mistake = members.mistake();
  return {};
}

Result<void> set_llama(Members& members, ModelConfig& out) {
  out.vocabulary = members.size("vocab_size", 32000);
  const bool mistral = out.architecture.starts_with("Mistral");
  out.hidden = members.size("hidden_size", 4096);
  out.layers = members.size("num_hidden_layers", 32);
  out.heads = members.size("num_attention_heads", 32);
  out.kv_heads = members.size("num_key_value_heads", mistral ? 8 : out.heads);
  out.head_dim = members.size("head_dim", std::max<std::int64_t>(out.hidden / out.heads, 1));
  out.intermediate = members.size("intermediate_size", mistral ? 14336 : 11008);
  out.positions = members.size("max_position_embeddings", mistral ? 131072 : 2048);
  out.norm_epsilon = members.number("rms_norm_eps", 1e-6);
  out.rope_theta = members.number("rope_theta", 10000);
  out.attention_bias = members.flag("attention_bias", false);
  out.mlp_bias = members.flag("mlp_bias", false);
  out.tied = members.flag("tie_word_embeddings", false);
  if (out.heads % out.kv_heads != 0)
    members.wrong(fmt::format("num_attention_heads {} is no multiple of num_key_value_heads {}", out.heads,
                              out.kv_heads));
  if (out.head_dim % 2 != 0) members.wrong(fmt::format("head_dim {} is odd", out.head_dim));
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const Json* scaling = members.find(key);
    if (scaling == nullptr) continue;
    std::string mistake;
    if (const Result<void> set = set_rope(*scaling, out, mistake); !set) return set;
    if (!mistake.empty()) members.wrong(std::move(mistake));
    break;
  }
  return set_activation(members, "hidden_act", "silu", out);
}

Result<void> set_gpt2(Members& members, ModelConfig& out) {
  if (members.flag("add_cross_attention", false)) return unknown("cross attention is not known here");
  out.vocabulary = members.size("vocab_size", 50257);
  out.hidden = members.size("n_embd", members.size("hidden_size", 768));
  out.layers = members.size("n_layer", members.size("num_hidden_layers", 12));
  out.heads = members.size("n_head", members.size("num_attention_heads", 12));
  out.intermediate = members.size("n_inner", 4 * out.hidden);
  out.positions = members.size("n_positions", members.size("max_position_embeddings", 1024));
  out.norm_epsilon = members.number("layer_norm_epsilon", 1e-5);
  out.scale_attention = members.flag("scale_attn_weights", true);
  out.scale_attention_by_layer = members.flag("scale_attn_by_inverse_layer_idx", false);
  out.tied = members.flag("tie_word_embeddings", true);
  out.attention_bias = out.mlp_bias = true;
  return set_activation(members, "activation_function", "gelu_new", out);
}

Result<void> set_bert(Members& members, ModelConfig& out) {
  if (members.flag("is_decoder", false)) return unknown("an encoder used as a decoder is not known here");
  const std::string positions = members.text("position_embedding_type");
  if (!positions.empty() && positions != "absolute")
    return unknown(fmt::format("unknown position_embedding_type {}", one_line(positions)));
  const bool roberta = out.family == Family::roberta;
  out.vocabulary = members.size("vocab_size", roberta ? 50265 : 30522);
  out.hidden = members.size("hidden_size", 768);
  out.layers = members.size("num_hidden_layers", 12);
  out.heads = members.size("num_attention_heads", 12);
  out.intermediate = members.size("intermediate_size", 3072);
  out.positions = members.size("max_position_embeddings", 512);
  out.token_types = members.size("type_vocab_size", 2);
  out.pad_token = members.size("pad_token_id", roberta ? 1 : 0, 0);
  out.norm_epsilon = members.number("layer_norm_eps", 1e-12);
  out.tied = members.flag("tie_word_embeddings", true);
  out.attention_bias = out.mlp_bias = true;
  return set_activation(members, "hidden_act", "gelu", out);
}

void set_labels(const Members& members, ModelConfig& out) {
  out.labels = 2;
  if (const Json* count = members.find("num_labels"); count != nullptr && count->is_number_unsigned())
    out.labels = std::clamp<std::int64_t>(count->get<std::int64_t>(), 1, 1LL << 27);
  const Json* names = members.find("id2label");
  if (names != nullptr && names->is_object() && !names->empty())
    out.labels = static_cast<std::int64_t>(names->size());
}

Result<void> set_sizes(Members& members, ModelConfig& out) {
  switch (out.family) {
    case Family::llama:
      return set_llama(members, out);
    case Family::gpt2:
      return set_gpt2(members, out);
    case Family::bert:
    case Family::roberta:
      return set_bert(members, out);
  }
  return {};
}

}  // namespace

std::string_view ModelConfig::base_prefix() const {
  switch (family) {
    case Family::llama:
      return head == Head::question_answering ? "transformer." : "model.";
    case Family::gpt2:
      return "transformer.";
    case Family::bert:
      return "bert.";
    case Family::roberta:
      return "roberta.";
  }
  return "";
}

std::string architecture_name(Family family, Head head) {
  std::string_view prefix;
  for (const FamilyNames& names : kFamilies)
    if (names.family == family && prefix.empty()) prefix = names.class_prefix;
  if (family == Family::gpt2 && head == Head::causal_lm) return "GPT2LMHeadModel";
  for (const HeadName& name : kHeads)
    if (name.head == head) return std::string(prefix) + std::string(name.suffix);
  return std::string(prefix);
}

Result<ModelConfig> model_config_from(const Json& config, std::string_view task) {
  if (!config.is_object()) return fail(ErrorCode::malformed, std::string(kDoing), "it holds no JSON object");
  Members members(config);
  ModelConfig out;
  if (const Result<void> set = set_architecture(members, out); !set)
    return tl::unexpected<Error>(set.error());
  const Head written = out.head;
  if (const Result<void> set = set_task(task, out); !set) return tl::unexpected<Error>(set.error());
  if (members.find("quantization_config") != nullptr) return unknown("quantised weights are not known here");
  if (const Result<void> set = set_sizes(members, out); !set) return tl::unexpected<Error>(set.error());
  if (out.family != Family::llama) {
    out.kv_heads = out.heads;
    out.head_dim = std::max<std::int64_t>(out.hidden / out.heads, 1);
    if (out.hidden % out.heads != 0)
      members.wrong(fmt::format("hidden size {} is no multiple of {} heads", out.hidden, out.heads));
  }
  if (out.layers > 10'000) members.wrong(fmt::format("{} layers", out.layers));
  if (out.head == written) set_labels(members, out);
  if (!members.mistake().empty()) return fail(ErrorCode::malformed, std::string(kDoing), members.mistake());
  return out;
}

}  // namespace redflag::forward
