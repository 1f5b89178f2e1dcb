// Files, shards and formats of a checkpoint, and checkpoints against one another.
#include "daemon/checks/checkpoint_check.h"
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

/// The healthy model in two shards of safetensors.
Directory sharded_model() {
  Directory out = healthy_model();
  out.remove("model.safetensors");
  const auto tensors = llama_tensors();
  ReportBuilder one("model-00001-of-00002.safetensors", FileKind::safetensors);
  ReportBuilder two("model-00002-of-00002.safetensors", FileKind::safetensors);
  ReportBuilder index("model.safetensors.index.json", FileKind::shard_index);
  double total = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool first = i < 10;
    (first ? one : two).add(tensors[i]);
    index.set("weight_map." + tensors[i].name,
              first ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors");
    total += static_cast<double>(tensors[i].bytes);
  }
  index.set("metadata.total_size", total);
  return out.add(one).add(two).add(index);
}

const char* const kOne = "model-00001-of-00002.safetensors";
const char* const kTwo = "model-00002-of-00002.safetensors";
const char* const kIndex = "model.safetensors.index.json";

}  // namespace

TEST_CASE("nothing is said of a healthy model, in any of its forms", "[checkpoint]") {
  for (const Directory& each : {healthy_model(), healthy_model("pytorch_model.bin"), sharded_model(),
                                healthy_checkpoint(), healthy_adapter()}) {
    const DirectoryReport report = check_checkpoint(each);
    INFO(report.kind);
    CHECK(codes(report.findings, Severity::info).empty());
    CHECK(report.verdict == Verdict::ok);
    CHECK(report.reason.empty());
  }
  CHECK(check_checkpoint(healthy_model()).kind == "final_model");
  CHECK(check_checkpoint(healthy_adapter()).kind == "final_adapter");
  CHECK(check_checkpoint(healthy_checkpoint()).kind == "checkpoint");
}

TEST_CASE("a model wants config.json, weights and a tokenizer", "[checkpoint]") {
  Directory model = healthy_model();
  model.remove("config.json");
  DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings, Severity::critical) == "missing_file");
  CHECK(report.verdict == Verdict::damaged);
  CHECK(report.reason == "config.json is missing");
  report = check_checkpoint(healthy_model().remove("model.safetensors"));
  CHECK_THAT(message(report, "missing_file"), ContainsSubstring("weights are missing"));
  report = check_checkpoint(healthy_model().remove("tokenizer_config.json"));
  CHECK(codes(report.findings) == "missing_file");
  CHECK(codes(report.findings, Severity::critical).empty());
  CHECK(report.verdict == Verdict::ok);
}

TEST_CASE("Trainer saves a checkpoint without a tokenizer when it has none", "[checkpoint]") {
  CHECK(codes(check_checkpoint(healthy_checkpoint().remove("tokenizer_config.json")).findings).empty());
}

TEST_CASE("an adapter wants adapter_config.json and adapter weights", "[checkpoint]") {
  DirectoryReport report = check_checkpoint(healthy_adapter().remove("adapter_config.json"));
  CHECK(message(report, "missing_file") == "adapter_config.json is missing");
  report = check_checkpoint(healthy_adapter().remove("adapter_model.safetensors"));
  CHECK_THAT(message(report, "missing_file"), ContainsSubstring("adapter weights are missing"));
}

TEST_CASE("damaged weights are one finding and not a list of missing tensors", "[checkpoint]") {
  Directory model = healthy_model();
  model.at("model.safetensors").tensors.clear();
  model.at("model.safetensors").verdict = Verdict::damaged;
  model.at("model.safetensors").reason = "truncated";
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "damaged_file");
  CHECK(report.reason == "model.safetensors is damaged: truncated");
}

TEST_CASE("a tokenizer that is too large to be read is no trouble, a damaged one is", "[checkpoint]") {
  Directory model = healthy_model();
  model.add(ReportBuilder("tokenizer.json", FileKind::json)
                .verdict(Verdict::refused, "more than 200,000 elements"));
  CHECK(check_checkpoint(model).findings.empty());
  model.at("tokenizer.json").verdict = Verdict::damaged;
  CHECK(codes(check_checkpoint(model).findings) == "damaged_file");
}

TEST_CASE("while a file of a checkpoint is being written nothing is called missing", "[checkpoint]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.remove("trainer_state.json").remove("config.json");
  checkpoint.at("optimizer.pt").verdict = Verdict::in_progress;
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(report.verdict == Verdict::in_progress);
  CHECK(report.findings.empty());
}

TEST_CASE("a shard that the index names and is not there is missing", "[shards]") {
  const DirectoryReport report = check_checkpoint(sharded_model().remove(kTwo));
  CHECK(codes(report.findings) == "missing_file");
  CHECK_THAT(message(report, "missing_file"), ContainsSubstring(kTwo));
  CHECK(report.verdict == Verdict::damaged);
}

TEST_CASE("shards without an index cannot be loaded", "[shards]") {
  const DirectoryReport report = check_checkpoint(sharded_model().remove(kIndex));
  CHECK(codes(report.findings) == "missing_file");
  CHECK_THAT(message(report, "missing_file"),
             ContainsSubstring("2 shards of model.safetensors without an index"));
}

TEST_CASE("an index without its map names no shard", "[shards]") {
  Directory model = sharded_model();
  model.at(kIndex).values.clear();
  CHECK(codes(check_checkpoint(model).findings) == "index_mismatch");
}

TEST_CASE("a shard left over from an earlier save is told", "[shards]") {
  Directory model = sharded_model();
  model.add(
      weights_file("model-00003-of-00003.safetensors", {tensor("model.norm.weight", {64}, "bfloat16")}));
  CHECK_THAT(codes(check_checkpoint(model).findings), ContainsSubstring("unlisted_shard"));
}

TEST_CASE("a tensor in another shard than the index says is told with both places", "[shards]") {
  Directory model = sharded_model();
  model.set(kIndex, "weight_map.model.norm.weight", std::string(kOne));
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "index_mismatch");
  CHECK_THAT(message(report, "index_mismatch"),
             ContainsSubstring("model.norm.weight should be in model-00001-of-00002.safetensors and is in "
                               "model-00002-of-00002.safetensors"));
}

TEST_CASE("swapped shards are found", "[shards]") {
  Directory model = sharded_model();
  std::swap(model.at(kOne).tensors, model.at(kTwo).tensors);
  CHECK(codes(check_checkpoint(model).findings) == "index_mismatch");
}

TEST_CASE("a tensor that the index does not know is told", "[shards]") {
  Directory model = sharded_model();
  model.unset(kIndex, "weight_map.model.norm.weight");
  CHECK(codes(check_checkpoint(model).findings) == "index_incomplete");
  model.at(kIndex).findings.push_back({"values_left_out", Severity::info, "more values than are kept", ""});
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("a tensor in two shards is a warning, and critical when the two differ", "[shards]") {
  Directory model = sharded_model();
  model.at(kOne).tensors.push_back(tensor("model.norm.weight", {64}, "bfloat16"));
  CHECK_THAT(codes(check_checkpoint(model).findings), ContainsSubstring("duplicate_tensor"));
  CHECK(codes(check_checkpoint(model).findings, Severity::critical).empty());
  model.at(kOne).tensors.back().hash += 2;
  CHECK(codes(check_checkpoint(model).findings, Severity::critical) == "duplicate_tensor");
}

TEST_CASE("total_size must be the sum of bytes, with tied weights counted once or twice", "[shards]") {
  Directory model = sharded_model();
  const double total = model.at(kIndex).number("metadata.total_size").value();
  model.set(kIndex, "metadata.total_size", total + 1);
  CHECK(codes(check_checkpoint(model).findings) == "total_size");
  TensorReport& head = model.tensor(kTwo, "lm_head.weight");
  head.same_as = "model.embed_tokens.weight";
  model.set(kIndex, "metadata.total_size", total);
  CHECK(check_checkpoint(model).findings.empty());
  model.set(kIndex, "metadata.total_size", total - static_cast<double>(head.bytes));
  CHECK(check_checkpoint(model).findings.empty());
  model.set(kIndex, "metadata.total_size", std::numeric_limits<double>::quiet_NaN());
  check_checkpoint(model);
}

TEST_CASE("two formats with the same weights are one model", "[formats]") {
  Directory model = healthy_model();
  model.add(weights_file("pytorch_model.bin", llama_tensors()));
  CHECK(check_checkpoint(model).findings.empty());
  model.tensor("pytorch_model.bin", "model.norm.weight").hash += 2;
  const DirectoryReport report = check_checkpoint(model);
  CHECK(codes(report.findings) == "formats_differ");
  CHECK_THAT(message(report, "formats_differ"), ContainsSubstring("model.norm.weight"));
}

TEST_CASE("a tensor that only one of two formats has is told, unless it is tied to another", "[formats]") {
  Directory model = healthy_model();
  model.add(weights_file("pytorch_model.bin", llama_tensors()));
  model.set("config.json", "tie_word_embeddings", true);
  model.remove_tensor("model.safetensors", "lm_head.weight");
  CHECK(codes(check_checkpoint(model).findings) == "formats_differ");
  model.tensor("pytorch_model.bin", "lm_head.weight").hash =
      model.tensor("pytorch_model.bin", "model.embed_tokens.weight").hash;
  CHECK(check_checkpoint(model).findings.empty());
}

TEST_CASE("the same trouble in two formats is told once, a trouble of one of them is told", "[formats]") {
  Directory model = healthy_model();
  model.tensor("model.safetensors", "model.norm.weight").statistics->nan = 1;
  auto tensors = model.at("model.safetensors").tensors;
  model.add(weights_file("pytorch_model.bin", tensors));
  CHECK(codes(check_checkpoint(model).findings) == "nan");
  Directory other = healthy_model();
  tensors = llama_tensors();
  tensors[3] = with_nan(tensors[3], 5);
  tensors[3].hash += 2;
  other.add(weights_file("pytorch_model.bin", tensors));
  CHECK(codes(check_checkpoint(other).findings) == "formats_differ nan");
}

TEST_CASE("two checkpoints with the same weights are told at the later one", "[identical]") {
  std::vector<Directory> run{healthy_checkpoint(2000, "b"), healthy_checkpoint(1000, "a"),
                             healthy_checkpoint(3000, "a")};
  const auto findings = identical_checkpoints({run.begin(), run.end()});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == "identical_checkpoint");
  CHECK_THAT(findings[0].where, ContainsSubstring("checkpoint-3000"));
  CHECK_THAT(findings[0].message, ContainsSubstring("checkpoint-1000"));
}

TEST_CASE("checkpoints that differ in one tensor are not identical", "[identical]") {
  std::vector<Directory> run{healthy_checkpoint(1000, "a"), healthy_checkpoint(2000, "a")};
  run[1].tensor("model.safetensors", "model.norm.weight").hash += 2;
  CHECK(identical_checkpoints({run.begin(), run.end()}).empty());
}

TEST_CASE("a final model may equal the last checkpoint", "[identical]") {
  std::vector<Directory> run{healthy_checkpoint(1000), healthy_model()};
  CHECK(identical_checkpoints({run.begin(), run.end()}).empty());
}

TEST_CASE("checkpoints whose weights were not hashed, or are being written, are not called identical",
          "[identical]") {
  std::vector<Directory> run{healthy_checkpoint(1000, "a"), healthy_checkpoint(2000, "a")};
  CHECK(identical_checkpoints({run.begin(), run.end()}).size() == 1);
  run[1].at("trainer_state.json").verdict = Verdict::in_progress;
  CHECK(identical_checkpoints({run.begin(), run.end()}).empty());
  run[1].at("trainer_state.json").verdict = Verdict::ok;
  run[0].tensor("model.safetensors", "model.norm.weight").hash = 0;
  CHECK(identical_checkpoints({run.begin(), run.end()}).empty());
}
