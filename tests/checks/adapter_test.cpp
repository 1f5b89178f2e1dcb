// LoRA adapters against adapter_config.json.
#include "daemon/checks/adapter_check.h"
#include "daemon/checks/checkpoint_check.h"
#include "tests/checks/directory_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::checks;
using namespace redflag::checks::test;

namespace {

const char* const kWeights = "adapter_model.safetensors";
const std::string kLayer = "base_model.model.model.layers.0.self_attn.";

std::string message(const DirectoryReport& report, const std::string& code) {
  const Finding* found = find(report.findings, code);
  return found == nullptr ? "" : found->message;
}

void zero_b(Directory& adapter) {
  for (TensorReport& each : adapter.at(kWeights).tensors) {
    if (each.name.find("lora_B") != std::string::npos) each = filled(each, 0);
  }
}

}  // namespace

TEST_CASE("nothing is said of a healthy adapter, named with or without the adapter's name", "[adapter]") {
  CHECK(codes(check_checkpoint(healthy_adapter()).findings, Severity::info).empty());
  Directory named = healthy_adapter();
  for (TensorReport& each : named.at(kWeights).tensors) {
    each.name.insert(each.name.size() - 7, ".default");
  }
  CHECK(named.at(kWeights).tensors[0].name.ends_with("lora_A.default.weight"));
  CHECK(codes(check_checkpoint(named).findings, Severity::info).empty());
}

TEST_CASE("a rank other than the config's is a shape that does not fit", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.set("adapter_config.json", "r", 16.0);
  CHECK_THAT(
      message(check_checkpoint(adapter), "shape_mismatch"),
      ContainsSubstring("lora_A is 8 x 64, lora_B 64 x 8, adapter_config.json has r = 16; 4 modules in all"));
  adapter.set("adapter_config.json", "rank_pattern.q_proj", 8.0);
  CHECK(check_checkpoint(adapter).findings.empty());
}

TEST_CASE("two halves that do not fit one another are told even with a pattern of ranks", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.set("adapter_config.json", "rank_pattern.q_proj", 4.0);
  adapter.tensor(kWeights, kLayer + "q_proj.lora_A.weight").shape = {4, 64};
  CHECK(codes(check_checkpoint(adapter).findings) == "shape_mismatch");
}

TEST_CASE("half a pair is a missing tensor", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.remove_tensor(kWeights, kLayer + "v_proj.lora_B.weight");
  const DirectoryReport report = check_checkpoint(adapter);
  CHECK(codes(report.findings) == "missing_tensor");
  CHECK_THAT(message(report, "missing_tensor"), ContainsSubstring(kLayer + "v_proj.lora_B"));
}

TEST_CASE("targets without tensors are critical only when none has any", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.set("adapter_config.json", "target_modules.2", std::string("query"));
  CHECK(codes(check_checkpoint(adapter).findings).empty());
  CHECK(codes(check_checkpoint(adapter).findings, Severity::info) == "missing_tensor");
  for (const char* name : {"target_modules.0", "target_modules.1"}) {
    adapter.set("adapter_config.json", name, std::string("k_proj"));
  }
  CHECK(codes(check_checkpoint(adapter).findings, Severity::critical) == "missing_tensor");
}

TEST_CASE("a module that was not targeted is unexpected", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.at(kWeights).tensors.push_back(tensor(kLayer + "my_q_proj.lora_A.weight", {8, 64}));
  adapter.at(kWeights).tensors.push_back(tensor(kLayer + "my_q_proj.lora_B.weight", {64, 8}));
  CHECK(find(check_checkpoint(adapter).findings, "unexpected_tensor") != nullptr);
  Directory pattern = adapter;
  pattern.unset("adapter_config.json", "target_modules.0").unset("adapter_config.json", "target_modules.1");
  pattern.set("adapter_config.json", "target_modules", std::string(".*q_proj"));
  CHECK(find(check_checkpoint(pattern).findings, "unexpected_tensor") == nullptr);
}

TEST_CASE("a layer that one module lacks was lost, unless the config chose layers", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.remove_tensor(kWeights, kLayer + "v_proj.lora_A.weight");
  adapter.remove_tensor(kWeights, kLayer + "v_proj.lora_B.weight");
  const DirectoryReport report = check_checkpoint(adapter);
  CHECK(codes(report.findings) == "missing_tensor");
  CHECK_THAT(message(report, "missing_tensor"), ContainsSubstring("no LoRA tensors in 1 of 2 layers: 0"));
  adapter.set("adapter_config.json", "layers_to_transform.0", 1.0);
  CHECK(check_checkpoint(adapter).findings.empty());
}

TEST_CASE("an adapter whose lora_B is zero changes nothing, which is right at step 0 only", "[adapter]") {
  Directory adapter = healthy_adapter();
  zero_b(adapter);
  CHECK(codes(check_checkpoint(adapter).findings) == "untrained_adapter");
  Directory start("/r/run/checkpoint-0", daemon::DirRole::checkpoint, 0);
  for (const char* file : {"adapter_config.json", kWeights}) {
    FileReport report = adapter.at(file);
    report.path = file;
    start.add(report);
  }
  const Finding* found = nullptr;
  const DirectoryReport report = check_checkpoint(start);
  REQUIRE((found = find(report.findings, "untrained_adapter")) != nullptr);
  CHECK(found->severity == Severity::info);
}

TEST_CASE("one module that stayed at zero is only mentioned, a lora_A of zeros is critical", "[adapter]") {
  Directory adapter = healthy_adapter();
  TensorReport& b = adapter.tensor(kWeights, kLayer + "q_proj.lora_B.weight");
  b = filled(b, 0);
  CHECK(codes(check_checkpoint(adapter).findings).empty());
  TensorReport& a = adapter.tensor(kWeights, kLayer + "q_proj.lora_A.weight");
  a = filled(a, 0);
  CHECK(codes(check_checkpoint(adapter).findings, Severity::critical) == "all_zero");
}

TEST_CASE("NaN in an adapter is critical", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.tensor(kWeights, kLayer + "q_proj.lora_B.weight").statistics->nan = 1;
  CHECK(codes(check_checkpoint(adapter).findings, Severity::critical) == "nan");
}

TEST_CASE("weights without a LoRA matrix are no LoRA adapter", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.at(kWeights).tensors = {tensor("weight", {8, 64})};
  CHECK_THAT(message(check_checkpoint(adapter), "missing_tensor"),
             ContainsSubstring("none of its 1 tensor is a LoRA matrix"));
  adapter.set("adapter_config.json", "peft_type", std::string("PREFIX_TUNING"));
  CHECK(codes(check_checkpoint(adapter).findings, Severity::info) == "not_compared");
}

TEST_CASE("embeddings and saved heads belong to an adapter", "[adapter]") {
  Directory adapter = healthy_adapter();
  adapter.set("adapter_config.json", "target_modules.2", std::string("embed_tokens"));
  const std::string embedding = "base_model.model.model.embed_tokens.lora_embedding_";
  adapter.at(kWeights).tensors.push_back(tensor(embedding + "A", {8, 1000}));
  adapter.at(kWeights).tensors.push_back(tensor(embedding + "B", {64, 8}));
  adapter.at(kWeights).tensors.push_back(tensor("base_model.model.score.weight", {2, 64}));
  CHECK(codes(check_checkpoint(adapter).findings, Severity::info).empty());
}
