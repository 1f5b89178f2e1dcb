// Runs redflag-forward as its callers do, and writes small files for it to look at.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tests/support/temp_dir.h"

namespace redflag::test {

struct Answer {
  int code = -1;
  std::string text;     ///< standard output
  nlohmann::json json;  ///< null when it is none

  std::string status() const { return json.is_object() ? json.value("status", "") : ""; }
  std::string reason() const { return json.is_object() ? json.value("reason", "") : ""; }
  /// Severity of the first finding of this code; "" = there is none.
  std::string severity(const std::string& finding_code) const {
    for (const auto& finding : json.at("findings"))
      if (finding.at("code") == finding_code) return finding.at("severity").get<std::string>();
    return "";
  }
  std::string message(const std::string& finding_code) const {
    for (const auto& finding : json.at("findings"))
      if (finding.at("code") == finding_code) return finding.at("message").get<std::string>();
    return "";
  }
};

/// Standard output and the exit code (128 + signal when it was killed).
inline Answer run_command(const std::string& command) {
  Answer answer;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::array<char, 65536> buffer;
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    answer.text.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  answer.json = nlohmann::json::parse(answer.text, nullptr, false);
  if (answer.json.is_discarded()) answer.json = nullptr;
  return answer;
}

inline Answer forward(const std::string& arguments) {
  // The leak checker traces its process, which the program forbids.
  return run_command("ASAN_OPTIONS=detect_leaks=0 " + std::string(REDFLAG_FORWARD_PROGRAM) + " " + arguments +
                     " 2>/dev/null");
}

struct SmallTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// safetensors, which the reader knows by its content whatever the file is called.
inline std::string safetensors(const std::vector<SmallTensor>& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const SmallTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  std::string out;
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((text.size() >> shift) & 0xff);
  return out + text + data;
}

/// A Llama of one layer that does nothing (its projections are zero), of width 4 and 8 tokens: token i of the
/// input gives the logits `output * normalised(embedding[i])`.
struct IdleLlama {
  nlohmann::json config = {{"architectures", {"LlamaForCausalLM"}},
                           {"vocab_size", 8},
                           {"hidden_size", 4},
                           {"intermediate_size", 6},
                           {"num_hidden_layers", 1},
                           {"num_attention_heads", 2},
                           {"rms_norm_eps", 1e-6}};
  std::vector<SmallTensor> tensors;

  IdleLlama() {
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, float value) {
      std::size_t count = 1;
      for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
      tensors.push_back({name, std::move(shape), std::vector<float>(count, value)});
    };
    add("model.embed_tokens.weight", {8, 4}, 0);
    for (std::size_t i = 0; i < 32; ++i) tensors[0].values[i] = static_cast<float>(i % 7) - 2.5F;
    const std::string layer = "model.layers.0.";
    for (const char* name : {"q", "k", "v", "o"})
      add(layer + "self_attn." + name + "_proj.weight", {4, 4}, 0);
    add(layer + "mlp.gate_proj.weight", {6, 4}, 0);
    add(layer + "mlp.up_proj.weight", {6, 4}, 0);
    add(layer + "mlp.down_proj.weight", {4, 6}, 0);
    add(layer + "input_layernorm.weight", {4}, 1);
    add(layer + "post_attention_layernorm.weight", {4}, 1);
    add("model.norm.weight", {4}, 1);
    add("lm_head.weight", {8, 4}, 0);
    for (std::size_t i = 0; i < 32; ++i) tensors.back().values[i] = static_cast<float>(i % 5) - 2;
  }
  SmallTensor& at(const std::string& name) {
    for (SmallTensor& tensor : tensors)
      if (tensor.name == name) return tensor;
    throw std::runtime_error("no tensor " + name);
  }
  void write(const TempDir& dir, const std::string& name) const {
    dir.write(name + "/config.json", config.dump());
    dir.write(name + "/model.safetensors", safetensors(tensors));
  }
};

}  // namespace redflag::test
