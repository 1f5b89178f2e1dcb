// Names to meanings.
#include "daemon/results/layout.h"

#include <array>
#include <cctype>
#include <vector>

namespace redflag::daemon {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool is_tensor_name(std::string_view name) {
  return ends_with(name, ".pt") || ends_with(name, ".pth") || ends_with(name, ".bin") ||
         ends_with(name, ".safetensors");
}

/// Longest first, so that squad_v2 is found before a task that ends like it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTasks{{{"squad_v2", "squad_v2"},
                                                                               {"squadv2", "squad_v2"},
                                                                               {"squad_2", "squad_v2"},
                                                                               {"squad2", "squad_v2"},
                                                                               {"squad", "squad"},
                                                                               {"sst_2", "sst2"},
                                                                               {"sst2", "sst2"},
                                                                               {"mrpc", "mrpc"},
                                                                               {"rte", "rte"}}};

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

FileKind classify_in_checkpoint(std::string_view name) {
  if (ends_with(name, ".index.json")) return FileKind::shard_index;
  if (name == "config.json" || name == "adapter_config.json" || name == "generation_config.json")
    return FileKind::config;
  if (name == "tokenizer.json" || name == "tokenizer_config.json" || name == "special_tokens_map.json" ||
      name == "vocab.json" || name == "added_tokens.json") {
    return FileKind::tokenizer;
  }
  if (name == "optimizer.pt" || name == "optimizer.bin" || name == "optimizer.pth")
    return FileKind::optimizer;
  if (name == "scheduler.pt" || name == "scheduler.bin" || name == "scheduler.pth")
    return FileKind::scheduler;
  if (starts_with(name, "rng_state") && (ends_with(name, ".pth") || ends_with(name, ".pt")))
    return FileKind::rng;
  if (name == "training_args.bin") return FileKind::training_args;
  const bool weights = starts_with(name, "pytorch_model") || starts_with(name, "model") ||
                       starts_with(name, "adapter_model") || starts_with(name, "consolidated");
  return weights && is_tensor_name(name) ? FileKind::weights : FileKind::other;
}

}  // namespace

std::string_view to_string(FileKind kind) {
  constexpr std::array<std::string_view, 15> kNames{"other",  "temporary",     "log",          "layer",
                                                    "tensor", "metadata",      "weights",      "shard_index",
                                                    "config", "tokenizer",     "optimizer",    "scheduler",
                                                    "rng",    "training_args", "trainer_state"};
  return kNames.at(static_cast<std::size_t>(kind));
}

bool is_checkpoint(DirRole role) {
  return role == DirRole::checkpoint || role == DirRole::final_model || role == DirRole::final_adapter;
}

std::int64_t number_after(std::string_view name, std::string_view prefix) {
  if (!starts_with(name, prefix)) return -1;
  name.remove_prefix(prefix.size());
  while (name.size() > 1 && name.front() == '0') name.remove_prefix(1);
  if (name.empty() || name.size() > 15) return -1;
  std::int64_t value = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::string canonical_task(std::string_view task) {
  std::string out = folded(task);
  for (const auto& [spelling, name] : kTasks) {
    if (out == spelling) return std::string(name);
  }
  return out;
}

MethodTask split_method_task(std::string_view name) {
  const std::string text = folded(name);
  for (const auto& [spelling, task] : kTasks) {
    if (text == spelling) return {"", std::string(task)};
    if (text.size() > spelling.size() + 1 && ends_with(text, spelling) &&
        text[text.size() - spelling.size() - 1] == '_') {
      return {text.substr(0, text.size() - spelling.size() - 1), std::string(task)};
    }
  }
  const std::size_t cut = text.rfind('_');
  if (cut == std::string::npos || cut == 0 || cut + 1 == text.size()) return {text, ""};
  return {text.substr(0, cut), text.substr(cut + 1)};
}

DirPlace classify_directory(std::string_view relative) {
  std::vector<std::string_view> parts;
  while (!relative.empty()) {
    const std::size_t slash = relative.find('/');
    parts.push_back(relative.substr(0, slash));
    relative.remove_prefix(slash == std::string_view::npos ? relative.size() : slash + 1);
  }
  DirPlace out;
  if (parts.empty()) return out;
  for (const std::string_view part : parts) {
    // All that lies in a directory being written is being written.
    if (number_after(part, "tmp-checkpoint-") >= 0 || (is_temporary_name(part) && part.front() != '.')) {
      out.role = DirRole::staging;
      return out;
    }
  }
  const std::string_view name = parts.back();
  const std::size_t depth = parts.size();
  if (name == "representations") {
    out.role = DirRole::representations;
  } else if (depth >= 2 && parts[depth - 2] == "representations") {
    out.role = DirRole::series;
  } else if (depth >= 3 && parts[depth - 3] == "representations" && number_after(name, "step_") >= 0) {
    out.role = DirRole::step;
    out.step = number_after(name, "step_");
  } else if (name == "final_model") {
    out.role = DirRole::final_model;
  } else if (name == "final_adapter") {
    out.role = DirRole::final_adapter;
  } else if (number_after(name, "checkpoint-") >= 0) {
    out.role = DirRole::checkpoint;
    out.step = number_after(name, "checkpoint-");
  }
  if (out.role == DirRole::series || out.role == DirRole::step) {
    const MethodTask split = split_method_task(parts[out.role == DirRole::series ? depth - 1 : depth - 2]);
    out.method = split.method;
    out.task = split.task;
  }
  return out;
}

DirPlace place_below(std::string_view root, std::string_view path) {
  std::string relative;
  const std::size_t at = root.rfind("/representations");
  const std::size_t end =
      at == std::string_view::npos ? at : at + std::string_view("/representations").size();
  if (at != std::string_view::npos && (end == root.size() || root[end] == '/')) {
    relative = root.substr(at + 1);
    if (path.size() > root.size()) relative += '/';
  }
  if (path.size() > root.size()) relative += path.substr(root == "/" ? 1 : root.size() + 1);
  return classify_directory(relative);
}

bool is_temporary_name(std::string_view name) {
  if (name.empty() || name.front() == '.') return true;
  for (const std::string_view ending : {".tmp", "~", ".partial", ".part", ".incomplete", ".swp", ".lock"}) {
    if (ends_with(name, ending)) return true;
  }
  return starts_with(name, "tmp_") || name.find(".tmp.") != std::string_view::npos ||
         name.find(".tmp-") != std::string_view::npos;
}

bool is_log_name(std::string_view name) {
  return ends_with(name, ".log") || ends_with(name, ".out") || ends_with(name, ".err") ||
         name == "trainer_log.jsonl" || name == "log.txt";
}

FileKind classify_file(DirRole directory, std::string_view name) {
  if (is_temporary_name(name) || directory == DirRole::staging) return FileKind::temporary;
  if (is_log_name(name)) return FileKind::log;
  if (directory == DirRole::step) {
    if (name == "metadata.json") return FileKind::metadata;
    if (!is_tensor_name(name)) return FileKind::other;
    const std::string_view stem = name.substr(0, name.rfind('.'));
    return number_after(stem, "layer_") >= 0 ? FileKind::layer : FileKind::tensor;
  }
  if (name == "trainer_state.json") return FileKind::trainer_state;
  return is_checkpoint(directory) ? classify_in_checkpoint(name) : FileKind::other;
}

}  // namespace redflag::daemon
