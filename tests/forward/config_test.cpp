// Reading config.json and adapter_config.json, and the names that follow from them.
#include <nlohmann/json.hpp>

#include "daemon/forward/adapter.h"
#include "daemon/forward/model_config.h"
#include "daemon/forward/model_layout.h"
#include "daemon/forward/outcome.h"
#include "tests/support/catch.h"

using namespace redflag::forward;
using nlohmann::json;

namespace {

json llama() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", 64},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4}};
}

const ExpectedTensor* find(const std::vector<ExpectedTensor>& tensors, const std::string& name) {
  for (const ExpectedTensor& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

}  // namespace

TEST_CASE("What config.json leaves out has the library's default", "[forward][config]") {
  const auto config = model_config_from(llama());
  REQUIRE(config);
  CHECK(config->kv_heads == 4);
  CHECK(config->head_dim == 16);
  CHECK(config->intermediate == 11008);
  CHECK_FALSE(config->tied);
  const auto gpt2 = model_config_from({{"architectures", {"GPT2LMHeadModel"}}});
  REQUIRE(gpt2);
  CHECK(gpt2->vocabulary == 50257);
  CHECK(gpt2->tied);
}

TEST_CASE("A model without architectures is the bare model of its type", "[forward][config]") {
  const auto config = model_config_from({{"model_type", "llama"}});
  REQUIRE(config);
  CHECK(config->architecture == "LlamaModel");
  CHECK(config->head == Head::none);
  CHECK(find(expected_tensors(*config), "layers.31.mlp.up_proj.weight") != nullptr);
}

TEST_CASE("An adapter's task decides the head of the model", "[forward][config]") {
  const auto config = model_config_from(llama(), "SEQ_CLS");
  REQUIRE(config);
  CHECK(config->architecture == "LlamaForSequenceClassification");
  const auto tensors = expected_tensors(*config);
  REQUIRE(find(tensors, "score.weight") != nullptr);
  CHECK(find(tensors, "score.weight")->shape == std::vector<std::int64_t>{-1, 64});
  CHECK(find(tensors, "lm_head.weight") == nullptr);
}

TEST_CASE("What is not known is refused by name, and numbers without sense are called malformed",
          "[forward][config]") {
  const auto with = [](const char* key, const json& value) {
    json config = llama();
    config[key] = value;
    const auto read = model_config_from(config);
    REQUIRE_FALSE(read);
    return read.error();
  };
  CHECK(with("architectures", {"FalconForCausalLM"}).what == "unknown architecture FalconForCausalLM");
  CHECK(with("architectures", {"BertForCausalLM"}).what == "unknown architecture BertForCausalLM");
  CHECK(with("hidden_act", "mish").what == "unknown activation mish");
  CHECK(with("rope_scaling", {{"rope_type", "yarn"}}).what == "unknown rope_scaling yarn");
  CHECK(status_of(with("hidden_act", "mish")) == Status::not_checked);
  CHECK(status_of(with("num_attention_heads", 0)) == Status::bad);
  CHECK(status_of(with("num_attention_heads", "many")) == Status::bad);
  CHECK(status_of(with("rms_norm_eps", -1)) == Status::bad);
  CHECK(status_of(with("num_hidden_layers", 20000)) == Status::bad);
}

TEST_CASE("Rotary scaling is read from old and new files", "[forward][config]") {
  json config = llama();
  config["rope_parameters"] = {{"rope_type", "llama3"}, {"rope_theta", 500000},
                               {"factor", 32},          {"low_freq_factor", 1},
                               {"high_freq_factor", 4}, {"original_max_position_embeddings", 8192}};
  const auto read = model_config_from(config);
  REQUIRE(read);
  CHECK(read->rope_theta == 500000);
  CHECK(read->rope.kind == RopeScaling::Kind::llama3);
  CHECK(read->rope.factor == 32);
}

TEST_CASE("Buffers that older versions saved are not unexpected", "[forward][config]") {
  CHECK(is_ignored_buffer("model.layers.0.self_attn.rotary_emb.inv_freq"));
  CHECK(is_ignored_buffer("h.3.attn.masked_bias"));
  CHECK_FALSE(is_ignored_buffer("transformer.h.3.attn.c_attn.bias"));
  CHECK_FALSE(is_ignored_buffer("model.layers.0.crossattn.bias"));
}

TEST_CASE("An adapter's scaling follows its patterns and its kind", "[forward][config]") {
  const auto adapter = adapter_config_from({{"peft_type", "LORA"},
                                            {"r", 16},
                                            {"lora_alpha", 32},
                                            {"rank_pattern", {{"layers.1.q_proj", 4}}},
                                            {"alpha_pattern", {{"v_proj", 8}}},
                                            {"target_modules", {"q_proj", "v_proj"}}});
  REQUIRE(adapter);
  CHECK(adapter->scaling("model.layers.0.q_proj") == 2);
  CHECK(adapter->scaling("model.layers.1.q_proj") == 8);
  CHECK(adapter->scaling("model.layers.11.q_proj") == 2);
  CHECK(adapter->scaling("model.layers.0.v_proj") == 0.5);
  CHECK(adapter->targets_module("model.layers.0.v_proj"));
  CHECK_FALSE(adapter->targets_module("model.layers.0.kv_proj"));
  const auto root =
      adapter_config_from({{"peft_type", "LORA"}, {"r", 16}, {"lora_alpha", 32}, {"use_rslora", true}});
  REQUIRE(root);
  CHECK(root->scaling("any") == 8);
}

TEST_CASE("Adapters of a kind that is not known here are refused, broken ones called malformed",
          "[forward][config]") {
  const auto status = [](const json& config) {
    const auto read = adapter_config_from(config);
    REQUIRE_FALSE(read);
    return status_of(read.error());
  };
  CHECK(status({{"peft_type", "PREFIX_TUNING"}}) == Status::not_checked);
  CHECK(status({{"peft_type", "LORA"}, {"use_dora", true}}) == Status::not_checked);
  CHECK(status({{"peft_type", "LORA"}, {"rank_pattern", {{"layers\\.[0-3]", 4}}}}) == Status::not_checked);
  CHECK(status({{"peft_type", "LORA"}, {"r", 0}}) == Status::bad);
  CHECK(status({{"peft_type", "LORA"}, {"lora_alpha", "much"}}) == Status::bad);
}
