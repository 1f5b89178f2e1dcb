// Whole directories by hand: healthy ones, to which each test does one harm.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"
#include "tests/checks/report_builder.h"

namespace redflag::checks::test {

using namespace redflag::tensors::test;
using tensors::FileKind;

/// Owns its reports; stays where it is.
class Directory {
 public:
  Directory(const std::string& path, daemon::DirRole role, std::int64_t step = -1) {
    input_.path = path;
    input_.place.role = role;
    input_.place.step = step;
  }
  Directory(const Directory& other) : reports_(other.reports_), input_(other.input_) {}
  Directory& operator=(const Directory&) = delete;

  Directory& add(const FileReport& report) {
    reports_.push_back(report);
    reports_.back().path = input_.path + '/' + report.path;
    return *this;
  }
  Directory& remove(const std::string& name) {
    const std::string path = input_.path + '/' + name;
    reports_.erase(std::remove_if(reports_.begin(), reports_.end(),
                                  [&](const FileReport& each) { return each.path == path; }),
                   reports_.end());
    return *this;
  }
  FileReport& at(const std::string& name) {
    const std::string path = input_.path + '/' + name;
    for (FileReport& each : reports_) {
      if (each.path == path) return each;
    }
    throw std::out_of_range(name);
  }
  TensorReport& tensor(const std::string& file, const std::string& name) {
    for (TensorReport& each : at(file).tensors) {
      if (each.name == name) return each;
    }
    throw std::out_of_range(name);
  }
  Directory& remove_tensor(const std::string& file, const std::string& name) {
    auto& tensors = at(file).tensors;
    tensors.erase(
        std::find_if(tensors.begin(), tensors.end(), [&](const auto& each) { return each.name == name; }));
    return *this;
  }
  /// Changes a value, or adds it.
  Directory& set(const std::string& file, const std::string& name, Value value) {
    auto& values = at(file).values;
    const auto it =
        std::find_if(values.begin(), values.end(), [&](const auto& each) { return each.first == name; });
    if (it == values.end()) {
      values.emplace_back(name, std::move(value));
    } else {
      it->second = std::move(value);
    }
    return *this;
  }
  Directory& unset(const std::string& file, const std::string& name) {
    std::erase_if(at(file).values, [&](const auto& each) { return each.first == name; });
    return *this;
  }
  DirectoryInput& edit() { return input_; }

  operator DirectoryInput() const {
    DirectoryInput out = input_;
    for (const FileReport& each : reports_) out.files.push_back(&each);
    return out;
  }

 private:
  std::deque<FileReport> reports_;
  DirectoryInput input_;
};

/// Step `step` of full_finetune_mrpc: three layers of 100 x 512, and metadata.json that says so.
inline Directory healthy_step(std::int64_t step = 100) {
  Directory out("/r/representations/full_finetune_mrpc/step_" + std::to_string(step), daemon::DirRole::step,
                step);
  out.edit().place.method = "full_finetune";
  out.edit().place.task = "mrpc";
  ReportBuilder metadata("metadata.json", FileKind::json);
  metadata.set("step", static_cast<double>(step)).set("task_name", "mrpc").set("method", "full_finetune");
  metadata.set("timestamp", "2025-09-22T19:28:53.780061").set("num_samples", 100);
  metadata.list("layer_names", {std::string("layer_0"), std::string("layer_1"), std::string("layer_2")});
  for (int i = 0; i < 3; ++i) {
    const std::string name = "layer_" + std::to_string(i);
    metadata.list("tensor_shapes." + name, {100.0, 512.0});
    out.add(ReportBuilder(name + ".pt").add(tensor("", {100, 512}, "float32", name + std::to_string(step))));
  }
  out.add(metadata);
  return out;
}

inline ReportBuilder llama_config() {
  ReportBuilder out("config.json", FileKind::json);
  out.list("architectures", {std::string("LlamaForCausalLM")})
      .set("model_type", "llama")
      .set("vocab_size", 1000);
  out.set("hidden_size", 64)
      .set("intermediate_size", 176)
      .set("num_hidden_layers", 2)
      .set("num_attention_heads", 8);
  return out.set("num_key_value_heads", 2).set("tie_word_embeddings", Value(false)).set("head_dim", "null");
}

inline std::vector<TensorReport> llama_tensors(const std::string& content = "") {
  std::vector<TensorReport> out;
  const auto put = [&](const std::string& name, Shape shape) {
    out.push_back(tensor(name, std::move(shape), "bfloat16", content));
  };
  put("model.embed_tokens.weight", {1000, 64});
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + '.';
    put(layer + "self_attn.q_proj.weight", {64, 64});
    put(layer + "self_attn.k_proj.weight", {16, 64});
    put(layer + "self_attn.v_proj.weight", {16, 64});
    put(layer + "self_attn.o_proj.weight", {64, 64});
    put(layer + "mlp.gate_proj.weight", {176, 64});
    put(layer + "mlp.up_proj.weight", {176, 64});
    put(layer + "mlp.down_proj.weight", {64, 176});
    put(layer + "input_layernorm.weight", {64});
    put(layer + "post_attention_layernorm.weight", {64});
  }
  put("model.norm.weight", {64});
  put("lm_head.weight", {1000, 64});
  return out;
}

inline ReportBuilder weights_file(const std::string& name, const std::vector<TensorReport>& tensors) {
  ReportBuilder out(name, name.ends_with(".safetensors") ? FileKind::safetensors : FileKind::torch_zip);
  for (const TensorReport& each : tensors) out.add(each);
  return out;
}

/// A Llama of two layers as save_pretrained leaves it.
inline Directory healthy_model(const std::string& file = "model.safetensors") {
  Directory out("/r/run/final_model", daemon::DirRole::final_model);
  out.add(llama_config()).add(weights_file(file, llama_tensors()));
  return out.add(ReportBuilder("tokenizer_config.json", FileKind::json));
}

/// The same as a checkpoint of Trainer, with AdamW's state after `step` steps.
inline Directory healthy_checkpoint(std::int64_t step = 1000, const std::string& content = "") {
  Directory out("/r/run/checkpoint-" + std::to_string(step), daemon::DirRole::checkpoint, step);
  const auto now = static_cast<double>(step);
  const std::vector<TensorReport> weights = llama_tensors(content);
  out.add(llama_config()).add(weights_file("model.safetensors", weights));
  out.add(ReportBuilder("tokenizer_config.json", FileKind::json));
  ReportBuilder optimizer("optimizer.pt");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string state = "state." + std::to_string(i) + '.';
    optimizer.add(tensor(state + "exp_avg", weights[i].shape))
        .add(tensor(state + "exp_avg_sq", weights[i].shape));
    optimizer.add(tensor(state + "step", {})).set(state + "step", now);
  }
  optimizer.set("param_groups.0.lr", 2e-5)
      .set("param_groups.0.params.length", static_cast<double>(weights.size()));
  optimizer.set("param_groups.1.lr", 2e-5).set("param_groups.1.params.length", 0.0);
  out.add(optimizer);
  ReportBuilder scheduler("scheduler.pt");
  scheduler.set("last_epoch", now).set("_step_count", now + 1).list("_last_lr", {2e-5, 2e-5});
  out.add(scheduler.list("base_lrs", {5e-5, 5e-5}));
  out.add(ReportBuilder("rng_state.pth"));
  ReportBuilder trainer("trainer_state.json", FileKind::json);
  out.add(trainer.set("global_step", now).set("epoch", 2.5).set("max_steps", 3000));
  return out.add(ReportBuilder("training_args.bin", FileKind::torch_zip));
}

/// LoRA of rank 8 on q_proj and v_proj of two layers.
inline Directory healthy_adapter(daemon::DirRole role = daemon::DirRole::final_adapter,
                                 std::int64_t step = -1) {
  Directory out("/r/run/final_adapter", role, step);
  ReportBuilder config("adapter_config.json", FileKind::json);
  config.set("peft_type", "LORA").set("r", 8).set("layers_to_transform", "null");
  out.add(config.list("target_modules", {std::string("q_proj"), std::string("v_proj")}));
  ReportBuilder weights("adapter_model.safetensors", FileKind::safetensors);
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "base_model.model.model.layers." + std::to_string(i) + ".self_attn.";
    weights.add(tensor(layer + "q_proj.lora_A.weight", {8, 64}))
        .add(tensor(layer + "q_proj.lora_B.weight", {64, 8}));
    weights.add(tensor(layer + "v_proj.lora_A.weight", {8, 64}))
        .add(tensor(layer + "v_proj.lora_B.weight", {16, 8}));
  }
  return out.add(weights);
}

}  // namespace redflag::checks::test
