// Weights against config.json, for the families whose tensors are known, as transformers names them.
#include "daemon/checks/checkpoint_check.h"
#include "daemon/checks/model_check.h"
#include "tests/checks/directory_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::checks;
using namespace redflag::checks::test;

namespace {

std::string message(const DirectoryReport& report, const std::string& code) {
  const Finding* found = find(report.findings, code);
  return found == nullptr ? "" : found->message;
}

const char* const kWeights = "model.safetensors";

Directory model_of(const ReportBuilder& config, const std::vector<std::pair<std::string, Shape>>& tensors) {
  Directory out("/r/run/final_model", daemon::DirRole::final_model);
  ReportBuilder weights(kWeights, FileKind::safetensors);
  for (const auto& [name, shape] : tensors) weights.add(tensor(name, shape));
  return out.add(config).add(weights).add(ReportBuilder("tokenizer_config.json", FileKind::json));
}

/// GPT-2 with two layers of width 16, `prefix` as its class has it.
Directory gpt2(const std::string& prefix, const std::string& architecture = "GPT2LMHeadModel") {
  ReportBuilder config("config.json", FileKind::json);
  config.list("architectures", {architecture})
      .set("model_type", "gpt2")
      .set("vocab_size", 50)
      .set("n_embd", 16);
  config.set("n_layer", 2).set("n_head", 4).set("n_positions", 32).set("n_inner", "null");
  std::vector<std::pair<std::string, Shape>> tensors{{"wte.weight", {50, 16}}, {"wpe.weight", {32, 16}}};
  for (const char* layer : {"h.0.", "h.1."}) {
    for (const auto& [name, shape] :
         std::vector<std::pair<std::string, Shape>>{{"ln_1.weight", {16}},
                                                    {"ln_1.bias", {16}},
                                                    {"attn.bias", {1, 1, 32, 32}},
                                                    {"attn.masked_bias", {}},
                                                    {"attn.c_attn.weight", {16, 48}},
                                                    {"attn.c_attn.bias", {48}},
                                                    {"attn.c_proj.weight", {16, 16}},
                                                    {"attn.c_proj.bias", {16}},
                                                    {"ln_2.weight", {16}},
                                                    {"ln_2.bias", {16}},
                                                    {"mlp.c_fc.weight", {16, 64}},
                                                    {"mlp.c_fc.bias", {64}},
                                                    {"mlp.c_proj.weight", {64, 16}},
                                                    {"mlp.c_proj.bias", {16}}}) {
      tensors.emplace_back(layer + name, shape);
    }
  }
  tensors.insert(tensors.end(), {{"ln_f.weight", {16}}, {"ln_f.bias", {16}}});
  for (auto& each : tensors) each.first = prefix + each.first;
  return model_of(config, tensors);
}

/// BERT or RoBERTa with one layer of width 16; heads are added by the tests.
Directory bert(const std::string& type, const std::string& prefix, const std::string& architecture,
               const std::vector<std::pair<std::string, Shape>>& heads) {
  ReportBuilder config("config.json", FileKind::json);
  config.list("architectures", {architecture})
      .set("model_type", type)
      .set("vocab_size", 50)
      .set("hidden_size", 16);
  config.set("num_hidden_layers", 1).set("num_attention_heads", 4).set("intermediate_size", 64);
  config.set("max_position_embeddings", 32)
      .set("type_vocab_size", 2)
      .set("id2label.0", "no")
      .set("id2label.1", "yes");
  std::vector<std::pair<std::string, Shape>> tensors{{"embeddings.position_ids", {1, 32}},
                                                     {"embeddings.word_embeddings.weight", {50, 16}},
                                                     {"embeddings.position_embeddings.weight", {32, 16}},
                                                     {"embeddings.token_type_embeddings.weight", {2, 16}},
                                                     {"embeddings.LayerNorm.weight", {16}},
                                                     {"embeddings.LayerNorm.bias", {16}}};
  const std::string layer = "encoder.layer.0.";
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    tensors.push_back({layer + name + ".weight", {out, in}});
    tensors.push_back({layer + name + ".bias", {out}});
  };
  linear("attention.self.query", 16, 16);
  linear("attention.self.key", 16, 16);
  linear("attention.self.value", 16, 16);
  linear("attention.output.dense", 16, 16);
  linear("intermediate.dense", 64, 16);
  linear("output.dense", 16, 64);
  for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
    tensors.push_back({layer + norm + ".weight", {16}});
    tensors.push_back({layer + norm + ".bias", {16}});
  }
  for (auto& each : tensors) each.first = prefix + each.first;
  tensors.insert(tensors.end(), heads.begin(), heads.end());
  return model_of(config, tensors);
}

const std::vector<std::pair<std::string, Shape>> kBertClassifier{{"bert.pooler.dense.weight", {16, 16}},
                                                                 {"bert.pooler.dense.bias", {16}},
                                                                 {"classifier.weight", {2, 16}},
                                                                 {"classifier.bias", {2}}};

}  // namespace

TEST_CASE("a bare tensor under a config of 24 layers is told in one line", "[model]") {
  ReportBuilder config("config.json", FileKind::json);
  config.set("model_type", "llama")
      .set("vocab_size", 32000)
      .set("hidden_size", 2048)
      .set("num_hidden_layers", 24);
  Directory model("/r/run/final_model", daemon::DirRole::final_model);
  model.add(config).add(ReportBuilder("pytorch_model.bin").add(tensor("", {100, 100})));
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "missing_tensor missing_file");
  CHECK(message(report, "missing_tensor") ==
        "pytorch_model.bin: none of the 24 layers' tensors of config.json is in it; it holds 1 tensor: a "
        "bare one of "
        "100 x 100");
}

TEST_CASE("a config that says little is compared as far as it goes", "[model]") {
  Directory model = healthy_model();
  for (const char* name : {"vocab_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"}) {
    model.unset("config.json", name);
  }
  CHECK(check_checkpoint(model).findings.empty());
  model.unset("config.json", "num_hidden_layers");
  CHECK(codes(check_checkpoint(model).findings) == "config_incomplete");
}

TEST_CASE("missing tensors are counted and named once, with layers that are wholly gone", "[model]") {
  Directory model = healthy_model();
  model.remove_tensor(kWeights, "model.layers.1.mlp.up_proj.weight");
  CHECK(message(check_checkpoint(model), "missing_tensor") ==
        "1 tensor that config.json asks for is missing: model.layers.1.mlp.up_proj.weight");
  auto& tensors = model.at(kWeights).tensors;
  std::erase_if(tensors, [](const auto& each) { return each.name.starts_with("model.layers.1."); });
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "missing_tensor");
  CHECK_THAT(message(report, "missing_tensor"),
             ContainsSubstring("9 tensors that config.json asks for are missing"));
  CHECK_THAT(message(report, "missing_tensor"), ContainsSubstring("nothing of layer 1"));
}

TEST_CASE("layers beyond those of config.json are unexpected", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "num_hidden_layers", 1.0);
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "unexpected_tensor");
  CHECK_THAT(message(report, "unexpected_tensor"), ContainsSubstring("layers go up to 1, config.json has 1"));
}

TEST_CASE("an unknown head beside the model is only worth mentioning", "[model]") {
  Directory model = healthy_model();
  model.at(kWeights).tensors.push_back(tensor("v_head.summary.weight", {1, 64}));
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings).empty());
  CHECK(codes(report.findings, Severity::info) == "unexpected_tensor");
}

TEST_CASE("a vocabulary that was resized in one place only is a shape that does not fit", "[model]") {
  Directory model = healthy_model();
  model.tensor(kWeights, "model.embed_tokens.weight").shape = {1001, 64};
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "shape_mismatch");
  CHECK(message(report, "shape_mismatch") ==
        "model.embed_tokens.weight is 1001 x 64, config.json asks for 1000 x 64");
  model.set("config.json", "vocab_size", 1001.0);
  CHECK(message(check_checkpoint(model), "shape_mismatch") ==
        "lm_head.weight is 1000 x 64, config.json asks for 1001 x 64");
}

TEST_CASE("key and value heads are of their own number", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "num_key_value_heads", 8.0);
  CHECK_THAT(message(check_checkpoint(model), "shape_mismatch"),
             ContainsSubstring("4 tensors have other shapes"));
}

TEST_CASE("the output head of a Llama may be absent only when it is tied", "[model]") {
  Directory model = healthy_model();
  model.remove_tensor(kWeights, "lm_head.weight");
  CHECK(codes(check_checkpoint(model).findings) == "missing_tensor");
  model.set("config.json", "tie_word_embeddings", true);
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("a Llama that classifies has a score and no output head", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "architectures.0", std::string("LlamaForSequenceClassification"));
  model.set("config.json", "id2label.0", std::string("no"))
      .set("config.json", "id2label.1", std::string("yes"));
  model.remove_tensor(kWeights, "lm_head.weight");
  CHECK(message(check_checkpoint(model), "missing_tensor") ==
        "1 tensor that config.json asks for is missing: score.weight");
  model.at(kWeights).tensors.push_back(tensor("score.weight", {2, 64}));
  CHECK(check_checkpoint(model).findings.empty());
  model.at(kWeights).tensors.back().shape = {3, 64};
  CHECK(codes(check_checkpoint(model).findings) == "shape_mismatch");
}

TEST_CASE("a Llama that answers questions is saved under another prefix", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "architectures.0", std::string("LlamaForQuestionAnswering"));
  model.remove_tensor(kWeights, "lm_head.weight");
  for (TensorReport& each : model.at(kWeights).tensors) each.name = "transformer." + each.name.substr(6);
  CHECK(codes(check_checkpoint(model).findings) == "missing_tensor");
  model.at(kWeights).tensors.push_back(tensor("qa_outputs.weight", {2, 64}));
  model.at(kWeights).tensors.push_back(tensor("qa_outputs.bias", {2}));
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("buffers that older versions saved are no trouble", "[model]") {
  Directory model = healthy_model();
  model.at(kWeights).tensors.push_back(tensor("model.layers.0.self_attn.rotary_emb.inv_freq", {4}));
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("Mistral and attention biases follow their config", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "model_type", std::string("mistral"));
  CHECK(check_checkpoint(model).findings.empty());
  model.set("config.json", "attention_bias", true);
  CHECK_THAT(message(check_checkpoint(model), "missing_tensor"), ContainsSubstring("8 tensors"));
  Directory wide = healthy_model();
  wide.set("config.json", "head_dim", 16.0);
  CHECK_THAT(message(check_checkpoint(wide), "shape_mismatch"),
             ContainsSubstring("config.json asks for 128 x 64"));
}

TEST_CASE("GPT-2 is known with and without its prefix, masks and tied head", "[model]") {
  CHECK(codes(check_checkpoint(gpt2("transformer.")).findings, Severity::info).empty());
  CHECK(codes(check_checkpoint(gpt2("", "GPT2Model")).findings, Severity::info).empty());
  Directory model = gpt2("transformer.");
  model.at(kWeights).tensors.push_back(tensor("lm_head.weight", {50, 16}));
  CHECK(check_checkpoint(model).findings.empty());
  model.tensor(kWeights, "transformer.h.1.attn.c_attn.weight").shape = {48, 16};
  CHECK(message(check_checkpoint(model), "shape_mismatch") ==
        "transformer.h.1.attn.c_attn.weight is 48 x 16, config.json asks for 16 x 48");
}

TEST_CASE("GPT-2 that classifies wants its score", "[model]") {
  Directory model = gpt2("transformer.", "GPT2ForSequenceClassification");
  CHECK_THAT(message(check_checkpoint(model), "missing_tensor"), ContainsSubstring("score.weight"));
  model.at(kWeights).tensors.push_back(tensor("score.weight", {2, 16}));
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("BERT with a classifier, an answering head or none is known", "[model]") {
  Directory model = bert("bert", "bert.", "BertForSequenceClassification", kBertClassifier);
  CHECK(codes(check_checkpoint(model).findings, Severity::info).empty());
  model.remove_tensor(kWeights, "classifier.weight");
  CHECK(codes(check_checkpoint(model).findings) == "missing_tensor");
  CHECK(codes(check_checkpoint(bert("bert", "bert.", "BertForQuestionAnswering",
                                    {{"qa_outputs.weight", {2, 16}}, {"qa_outputs.bias", {2}}}))
                  .findings,
              Severity::info)
            .empty());
  CHECK(codes(check_checkpoint(bert("bert", "", "BertModel", {})).findings, Severity::info).empty());
  CHECK(codes(check_checkpoint(bert("bert", "bert.", "BertForPreTraining", {{"cls.predictions.bias", {50}}}))
                  .findings,
              Severity::info)
            .empty());
}

TEST_CASE("a classifier for another number of labels is told", "[model]") {
  Directory model = bert("bert", "bert.", "BertForSequenceClassification", kBertClassifier);
  model.set("config.json", "id2label.2", std::string("maybe"));
  CHECK_THAT(message(check_checkpoint(model), "shape_mismatch"),
             ContainsSubstring("classifier.weight is 2 x 16, config.json asks for 3 x 16"));
}

TEST_CASE("old BERT checkpoints call a norm's weight gamma", "[model]") {
  Directory model = bert("bert", "bert.", "BertForSequenceClassification", kBertClassifier);
  model.tensor(kWeights, "bert.embeddings.LayerNorm.weight").name = "bert.embeddings.LayerNorm.gamma";
  model.tensor(kWeights, "bert.embeddings.LayerNorm.bias").name = "bert.embeddings.LayerNorm.beta";
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("RoBERTa's classifier has two layers", "[model]") {
  const auto heads = std::vector<std::pair<std::string, Shape>>{{"classifier.dense.weight", {16, 16}},
                                                                {"classifier.dense.bias", {16}},
                                                                {"classifier.out_proj.weight", {2, 16}},
                                                                {"classifier.out_proj.bias", {2}}};
  Directory model = bert("roberta", "roberta.", "RobertaForSequenceClassification", heads);
  CHECK(codes(check_checkpoint(model).findings, Severity::info).empty());
  model.remove_tensor(kWeights, "classifier.out_proj.weight");
  CHECK(codes(check_checkpoint(model).findings) == "missing_tensor");
}

TEST_CASE("an unknown architecture is said to be unknown, and never passes for compared", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "model_type", std::string("mamba"));
  DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings).empty());
  CHECK_THAT(message(report, "architecture_unknown"), ContainsSubstring("architecture mamba is not known"));
  model.set("config.json", "vocab_size", 999.0);
  report = check_checkpoint(model);
  CHECK_THAT(message(report, "shape_mismatch"), ContainsSubstring("a vocabulary of 999"));
}

TEST_CASE("quantised weights are not compared with config.json", "[model]") {
  Directory model = healthy_model();
  model.set("config.json", "quantization_config.quant_method", std::string("bitsandbytes"));
  model.tensor(kWeights, "model.layers.0.self_attn.q_proj.weight").shape = {2048, 1};
  CHECK(codes(check_checkpoint(model).findings, Severity::info) == "not_compared");
}

TEST_CASE("a report that leaves tensors out is no proof that they are missing", "[model]") {
  Directory model = healthy_model();
  model.remove_tensor(kWeights, "model.norm.weight");
  model.at(kWeights).tensors_left_out = 1;
  CHECK(codes(check_checkpoint(model).findings, Severity::info) == "not_compared");
}

TEST_CASE("NaN in weights is critical, -inf in a mask is not", "[model]") {
  Directory model = gpt2("transformer.");
  TensorReport& mask = model.tensor(kWeights, "transformer.h.0.attn.bias");
  mask.statistics->negative_infinity = 100;
  CHECK(check_checkpoint(model).findings.empty());
  model.tensor(kWeights, "transformer.h.1.mlp.c_fc.weight").statistics->nan = 7;
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings, Severity::critical) == "nan");
  CHECK_THAT(message(report, "nan"),
             ContainsSubstring("transformer.h.1.mlp.c_fc.weight (7 NaN of 1,024 numbers)"));
}

TEST_CASE("weights of zeros are critical, biases of zeros are where training begins", "[model]") {
  Directory model = bert("bert", "bert.", "BertForSequenceClassification", kBertClassifier);
  for (const char* name :
       {"classifier.bias", "bert.encoder.layer.0.output.dense.bias", "bert.embeddings.LayerNorm.bias",
        "bert.embeddings.token_type_embeddings.weight"}) {
    TensorReport& each = model.tensor(kWeights, name);
    each = filled(each, 0);
  }
  CHECK(check_checkpoint(model).findings.empty());
  for (const char* name :
       {"bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.0.output.LayerNorm.weight"}) {
    Directory bad = model;
    TensorReport& each = bad.tensor(kWeights, name);
    each = filled(each, 0);
    INFO(name);
    CHECK(codes(check_checkpoint(bad).findings, Severity::critical) == "all_zero");
  }
}

TEST_CASE("norms may be zero in an architecture that is not known", "[model]") {
  Directory model = healthy_model();
  TensorReport& norm = model.tensor(kWeights, "model.norm.weight");
  norm = filled(norm, 0);
  CHECK(codes(check_checkpoint(model).findings) == "all_zero");
  model.set("config.json", "model_type", std::string("gemma"));
  CHECK(codes(check_checkpoint(model).findings).empty());
  TensorReport& matrix = model.tensor(kWeights, "model.layers.0.mlp.up_proj.weight");
  matrix = filled(matrix, 0);
  CHECK(codes(check_checkpoint(model).findings) == "all_zero");
  CHECK(codes(check_checkpoint(model).findings, Severity::critical).empty());
}

TEST_CASE("hostile figures in config.json neither crash nor take memory", "[model]") {
  for (const double figure : {1e9, 1e300, -1.0, 0.0, 0.5, std::numeric_limits<double>::quiet_NaN()}) {
    for (const char* name : {"num_hidden_layers", "hidden_size", "vocab_size", "num_attention_heads",
                             "num_key_value_heads", "head_dim", "intermediate_size"}) {
      Directory model = healthy_model();
      model.set("config.json", name, figure);
      INFO(name << " " << figure);
      CHECK(check_checkpoint(model).verdict == Verdict::ok);
    }
  }
}
