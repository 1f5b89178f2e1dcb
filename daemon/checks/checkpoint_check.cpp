// The order of the questions: what is there, does it load, does it fit, what is in it, can training go on.
#include "daemon/checks/checkpoint_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/checks/adapter_check.h"
#include "daemon/checks/files.h"
#include "daemon/checks/model_check.h"
#include "daemon/checks/resume_check.h"
#include "daemon/checks/weights.h"
#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

using daemon::DirRole;
using daemon::FileKind;

bool is_adapter(const DirectoryInput& input, const std::vector<FileView>& files,
                const std::vector<WeightSet>& sets) {
  const bool model =
      std::any_of(sets.begin(), sets.end(), [](const WeightSet& each) { return !each.adapter; });
  return !model && (input.place.role == DirRole::final_adapter || !sets.empty() ||
                    find_file(files, "adapter_config.json") != nullptr);
}

/// Files whose own trouble is trouble of the checkpoint. A tokenizer may be of a kind or size that is not
/// read.
bool matters(const FileView& file) {
  switch (file.kind) {
    case FileKind::weights:
    case FileKind::shard_index:
    case FileKind::config:
    case FileKind::optimizer:
    case FileKind::scheduler:
    case FileKind::rng:
    case FileKind::trainer_state:
      return true;
    case FileKind::tokenizer:
      return file.report->verdict == Verdict::damaged || file.report->verdict == Verdict::in_progress;
    default:
      return false;
  }
}

void require(const std::vector<FileView>& files, const char* name, Severity severity, DirectoryReport& out) {
  if (find_file(files, name) != nullptr) return;
  const std::string message = fmt::format("{} is missing", name);
  if (severity == Severity::critical) note_damage(out, message);
  add(out.findings, "missing_file", severity, message, name);
}

void check_required(const DirectoryInput& input, const std::vector<FileView>& files, bool adapter,
                    bool has_weights, DirectoryReport& out) {
  const bool checkpoint = input.place.role == DirRole::checkpoint;
  require(files, adapter ? "adapter_config.json" : "config.json", Severity::critical, out);
  // Trainer saves no tokenizer with a checkpoint unless it was given one.
  if (!adapter) require(files, "tokenizer_config.json", checkpoint ? Severity::info : Severity::warning, out);
  if (has_weights || (checkpoint && has_sharded_state(input))) return;
  const std::string message = adapter ? "adapter weights are missing (adapter_model.safetensors or .bin)"
                                      : "weights are missing (model.safetensors or pytorch_model.bin)";
  note_damage(out, message);
  add(out.findings, "missing_file", Severity::critical, message);
}

/// The sets that are loaded for this kind of checkpoint: adapters beside a whole model are looked at for NaN
/// only.
std::vector<WeightSet*> sets_of_kind(std::vector<WeightSet>& sets, bool adapter) {
  std::vector<WeightSet*> out;
  for (WeightSet& each : sets) {
    if (each.adapter == adapter) out.push_back(&each);
  }
  return out;
}

void check_fit(const WeightSet& set, const FileView* config, const DirectoryInput& input,
               DirectoryReport& out) {
  out.values.emplace_back("weights", set.label);
  const bool left_out = std::any_of(set.files.begin(), set.files.end(),
                                    [](const FileView* each) { return each->report->tensors_left_out != 0; });
  if (left_out) {
    add(out.findings, "not_compared", Severity::info,
        set.label + " has more tensors than a report lists: not compared with its configuration", set.label);
  }
  if (!set.complete || config == nullptr || !config->ok()) return;
  if (set.adapter) {
    check_adapter(set, *config->report, input.place.step, out);
  } else {
    check_model(set, *config->report, out);
  }
}

/// NaN and zeros of each set, but a second format with the same weights would only say everything twice.
void check_contents(const std::vector<WeightSet*>& sets, const Architecture* architecture, bool complete,
                    DirectoryReport& out) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (i > 0 && sets[0]->complete && sets[i]->complete) {
      const std::size_t before = out.findings.size();
      if (complete) check_formats(*sets[0], *sets[i], out.findings);
      if (out.findings.size() == before) continue;
    }
    check_weight_contents(*sets[i], architecture, out.findings);
  }
}

/// All that makes two checkpoints the same; empty when that cannot be told.
std::string identity_of(const WeightSet& set) {
  std::string out;
  if (!set.complete) return out;
  for (const auto& [name, places] : set.tensors) {
    const TensorReport& tensor = *places.front().tensor;
    if (tensor.bytes == 0) continue;
    if (tensor.hash == 0) return {};
    out += fmt::format("{}\x1f{}\x1f{}\x1f{:x}\n", name, tensor.dtype, fmt::join(tensor.shape, ","),
                       tensor.hash);
  }
  return out;
}

}  // namespace

DirectoryReport check_checkpoint(const DirectoryInput& input) {
  const std::vector<FileView> files = view_of(input);
  std::vector<WeightSet> sets = weight_sets(files);
  const bool adapter = is_adapter(input, files, sets);
  const bool checkpoint = input.place.role == DirRole::checkpoint;
  DirectoryReport out;
  out.path = input.path;
  out.kind = checkpoint ? "checkpoint" : adapter ? "final_adapter" : "final_model";
  out.verdict = Verdict::ok;
  for (const FileView& file : files) {
    if (matters(file)) judge_file(file, out);
  }
  const std::vector<WeightSet*> mine = sets_of_kind(sets, adapter);
  const FileView* config = find_file(files, adapter ? "adapter_config.json" : "config.json");
  const bool complete = !in_progress(files);
  std::optional<Architecture> architecture;
  if (!adapter && config != nullptr && config->ok()) architecture = architecture_of(Values(*config->report));
  if (complete) {
    check_required(input, files, adapter, !mine.empty(), out);
    for (WeightSet* each : mine) check_shards(*each, out);
    if (!mine.empty()) check_fit(*mine.front(), config, input, out);
  }
  check_contents(mine, architecture ? &*architecture : nullptr, complete, out);
  if (complete && checkpoint) check_resumable(input, files, mine.empty() ? nullptr : mine.front(), out);
  if (checkpoint) out.values.emplace_back("step", static_cast<double>(input.place.step));
  sort_findings(out.findings);
  return out;
}

std::vector<Finding> identical_checkpoints(const std::vector<DirectoryInput>& run) {
  std::vector<const DirectoryInput*> ordered;
  for (const DirectoryInput& each : run) {
    if (each.place.role == DirRole::checkpoint) ordered.push_back(&each);
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const DirectoryInput* a, const DirectoryInput* b) {
    return a->place.step < b->place.step;
  });
  std::vector<Finding> out;
  std::map<std::string, const DirectoryInput*> seen;
  for (const DirectoryInput* each : ordered) {
    const std::vector<FileView> files = view_of(*each);
    const std::vector<WeightSet> sets = weight_sets(files);
    const std::string identity = sets.empty() || in_progress(files) ? "" : identity_of(sets.front());
    if (identity.empty()) continue;
    const auto [earlier, first] = seen.emplace(identity, each);
    if (first) continue;
    add(out, "identical_checkpoint", Severity::critical,
        fmt::format("all weights of {} are bit for bit those of {}: training changed nothing between them",
                    shown(base_name(each->path)), shown(base_name(earlier->second->path))),
        each->path);
  }
  return out;
}

}  // namespace redflag::checks
