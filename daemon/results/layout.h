// What a path below a results root means, by its name alone. Pure.
//   **/representations/{method}_{task}/step_N/layer_K.pt + metadata.json     N padded or not
//   **/checkpoint-N, **/final_model, **/final_adapter                        tmp-checkpoint-N is one being
//   written
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace redflag::daemon {

enum class DirRole : std::uint8_t {
  plain,
  representations,  ///< holds one directory for each method and task
  series,           ///< {method}_{task}: holds the steps
  step,             ///< step_N
  checkpoint,       ///< checkpoint-N
  final_model,
  final_adapter,
  staging,  ///< tmp-checkpoint-N and other names of things not finished: never judged
};

enum class FileKind : std::uint8_t {
  other,
  temporary,    ///< .tmp, ~, .partial, .part, .incomplete, .swp, hidden: never judged
  log,          ///< *.log, *.out, *.err, trainer_log.jsonl
  layer,        ///< layer_K.pt
  tensor,       ///< another tensor in a step directory, such as final_hidden_states.pt
  metadata,     ///< metadata.json of a step
  weights,      ///< pytorch_model*.bin, model*.safetensors, adapter_model.*
  shard_index,  ///< *.index.json
  config,       ///< config.json, adapter_config.json, generation_config.json
  tokenizer,    ///< tokenizer*.json, special_tokens_map.json, vocab.json
  optimizer,
  scheduler,
  rng,
  training_args,
  trainer_state,
};

/// The name of a kind as facts carry it: "layer", "weights", …
std::string_view to_string(FileKind kind);

struct DirPlace {
  DirRole role = DirRole::plain;
  std::int64_t step = -1;  ///< of step_N and checkpoint-N
  std::string method;      ///< of a series and its steps
  std::string task;
};

bool is_checkpoint(DirRole role);  ///< checkpoint-N, final_model, final_adapter

/// `relative` is the directory's path below the root, "" for the root itself. A step is one only in its
/// proper place.
DirPlace classify_directory(std::string_view relative);
/// The same for an absolute path; a root that lies in (or is) a representations directory itself is
/// understood.
DirPlace place_below(std::string_view root, std::string_view path);
FileKind classify_file(DirRole directory, std::string_view name);

struct MethodTask {
  std::string method;
  std::string task;
};
/// "full_finetune_squad-v2" → {full_finetune, squad_v2}: the longest known task at the end, else what follows
/// the last "_".
MethodTask split_method_task(std::string_view name);
/// Lower case, "-" as "_", and the known spellings of one task made one: "SST-2" → "sst2", "squadv2" →
/// "squad_v2".
std::string canonical_task(std::string_view task);

bool is_temporary_name(std::string_view name);
bool is_log_name(std::string_view name);
/// The number after `prefix`, which must be all of the rest: "step_000100" → 100. -1 when it is not one.
std::int64_t number_after(std::string_view name, std::string_view prefix);

}  // namespace redflag::daemon
