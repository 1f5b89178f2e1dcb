// The results tree of the demo: what the user's training code saves, in its layout, with real tensors in it.
#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/simulator/demo_curves.h"
#include "daemon/simulator/demo_scenario.h"
#include "daemon/simulator/torch_file_writer.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;
using Kind = ResultsFile::Kind;

constexpr int kLayers = 3;
constexpr int kExtractEvery = 100;
constexpr std::int64_t kSamples = 100;
constexpr std::int64_t kHidden = 64;
constexpr std::int64_t kModelLayers = 2;
constexpr std::int64_t kIntermediate = 128;
constexpr std::int64_t kVocabulary = 128;

FloatTensor noise_tensor(std::vector<std::int64_t> shape, DemoNoise& noise, double scale) {
  FloatTensor tensor;
  const std::uint64_t count = element_count(shape).value_or(0);
  tensor.shape = std::move(shape);
  tensor.values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    tensor.values.push_back(static_cast<float>(scale * noise.uniform()));
  return tensor;
}

FloatTensor ones(std::int64_t size) {
  return {{size}, std::vector<float>(static_cast<std::size_t>(size), 1.0F)};
}

/// All tensors that a Llama of this size has, under the names that transformers gives them.
std::map<std::string, FloatTensor> llama_weights(const std::string& seed) {
  DemoNoise noise{seed};
  std::map<std::string, FloatTensor> weights;
  const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    weights[name + ".weight"] = noise_tensor({rows, columns}, noise, 0.05);
  };
  matrix("model.embed_tokens", kVocabulary, kHidden);
  for (std::int64_t i = 0; i < kModelLayers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
      matrix(layer + "self_attn." + name, kHidden, kHidden);
    matrix(layer + "mlp.gate_proj", kIntermediate, kHidden);
    matrix(layer + "mlp.up_proj", kIntermediate, kHidden);
    matrix(layer + "mlp.down_proj", kHidden, kIntermediate);
    weights[layer + "input_layernorm.weight"] = ones(kHidden);
    weights[layer + "post_attention_layernorm.weight"] = ones(kHidden);
  }
  weights["model.norm.weight"] = ones(kHidden);
  matrix("lm_head", kVocabulary, kHidden);
  return weights;
}

json metadata(const ResultsFile& file) {
  std::string timestamp = to_rfc3339(file.at);
  timestamp.pop_back();  // Python's isoformat() of a naive time has no Z
  json out = {{"step", file.step},
              {"task_name", file.task},
              {"method", file.method},
              {"timestamp", timestamp},
              {"num_samples", kSamples},
              {"layer_names", json::array()},
              {"tensor_shapes", json::object()}};
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string name = fmt::format("layer_{}", layer);
    out["layer_names"].push_back(name);
    out["tensor_shapes"][name] = {kSamples, kHidden};
  }
  return out;
}

json model_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", kHidden},
          {"intermediate_size", kIntermediate},
          {"num_hidden_layers", kModelLayers},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 4},
          {"vocab_size", kVocabulary},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", false},
          {"torch_dtype", "float32"}};
}

json tokenizer_config() {
  return {{"tokenizer_class", "LlamaTokenizer"},
          {"bos_token", "<s>"},
          {"eos_token", "</s>"},
          {"unk_token", "<unk>"},
          {"model_max_length", 256},
          {"legacy", false}};
}

void add_step(ResultsScript& script, const DemoRun& run, const std::string& method, int step, Time at) {
  const std::string folder = fmt::format("representations/{}_{}/step_{:06}/", method, run.task, step);
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string path = folder + fmt::format("layer_{}.pt", layer);
    script.push_back(
        {at + std::chrono::milliseconds{layer}, path, Kind::hidden_states, run.task, method, step});
  }
  script.push_back({at + std::chrono::milliseconds{kLayers}, folder + "metadata.json", Kind::metadata,
                    run.task, method, step});
}

}  // namespace

ResultsScript demo_results(const DemoOptions& options) {
  ResultsScript script;
  const auto when = [&](double part) {
    return options.start + Duration{std::llround(static_cast<double>(options.duration.count()) * part)};
  };
  for (const DemoRun& run : demo_runs()) {
    if (run.fails) continue;
    add_step(script, run, "base_pretrained", 0, when(run.begins));
    for (int step = kExtractEvery; step <= run.last_step; step += kExtractEvery) {
      const double done = static_cast<double>(step) / (run.last_step + kDemoLogEvery);
      add_step(script, run, "full_finetune", step, when(run.begins + (run.ends - run.begins) * done));
    }
    const std::string folder = run.name + "/final_model/";
    const Time end = when(run.ends);
    const auto add = [&](const char* name, Kind kind) {
      script.push_back({end, folder + name, kind, run.task, "full_finetune", run.last_step});
    };
    add("config.json", Kind::model_config);
    add("model.safetensors", Kind::weights);
    add("tokenizer_config.json", Kind::tokenizer_config);
  }
  std::stable_sort(script.begin(), script.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return script;
}

Result<std::string> results_content(const ResultsFile& file) {
  switch (file.kind) {
    case Kind::hidden_states: {
      DemoNoise noise{file.path};
      return torch_file(std::filesystem::path{file.path}.stem().string(),
                        noise_tensor({kSamples, kHidden}, noise, 1.5));
    }
    case Kind::metadata:
      return metadata(file).dump(2);
    case Kind::model_config:
      return model_config().dump(2);
    case Kind::tokenizer_config:
      return tokenizer_config().dump(2);
    case Kind::weights:
      return safetensors_file(llama_weights(file.path));
  }
  return fail(ErrorCode::invalid_input, "writing " + file.path, "unknown kind of file");
}

Result<void> write_results_file(const std::filesystem::path& root, const ResultsFile& file) {
  const auto content = results_content(file);
  if (!content) return tl::unexpected<Error>(content.error());
  const std::filesystem::path path = root / file.path;
  const auto failed = [&](std::string what) {
    return fail(ErrorCode::storage, "writing " + path.string(), std::move(what),
                "check space and permissions");
  };
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return failed(error.message());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << *content;
  out.close();
  if (!out) return failed("the file could not be written");
  return {};
}

}  // namespace redflag::daemon
