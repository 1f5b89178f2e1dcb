// Files to sets of weights.
#include "daemon/checks/weights.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/values.h"
#include "daemon/checks/words.h"
#include "daemon/results/printable.h"

namespace redflag::checks {
namespace {

using daemon::with_commas;

constexpr std::string_view kIndexEnding = ".index.json";

struct WeightName {
  std::string label;  ///< without the shard's number
  bool shard = false;
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "model-00001-of-00003.safetensors" → {"model.safetensors", true}. An empty label: not weights that are
/// known, such as model.fp16.safetensors or pytorch_model_fsdp.bin.
WeightName parse_weight_name(std::string_view name) {
  for (const std::string_view stem : {"model", "pytorch_model", "adapter_model"}) {
    if (!name.starts_with(stem)) continue;
    std::string_view rest = name.substr(stem.size());
    const std::size_t dot = rest.find('.');
    if (dot == std::string_view::npos) continue;
    const std::string_view ending = rest.substr(dot);
    if (ending != ".safetensors" && ending != ".bin" && ending != ".pt" && ending != ".pth") continue;
    rest = rest.substr(0, dot);
    std::string label = std::string(stem) + std::string(ending);
    if (rest.empty()) return {std::move(label), false};
    const std::size_t of = rest.find("-of-");
    if (rest.front() != '-' || of == std::string_view::npos) continue;
    if (all_digits(rest.substr(1, of - 1)) && all_digits(rest.substr(of + 4)))
      return {std::move(label), true};
  }
  return {};
}

WeightSet& set_for(std::vector<WeightSet>& sets, const std::string& label, bool sharded) {
  for (WeightSet& each : sets) {
    if (each.label == label && each.sharded == sharded) return each;
  }
  WeightSet& out = sets.emplace_back();
  out.label = label;
  out.sharded = sharded;
  out.adapter = label.starts_with("adapter_model");
  return out;
}

/// Lower is loaded first: transformers prefers safetensors, and a whole file to shards.
int rank_of(const WeightSet& set) {
  return (set.label.ends_with(".safetensors") ? 0 : 2) + (set.sharded ? 1 : 0);
}

bool all_read(const WeightSet& set) {
  return std::all_of(set.files.begin(), set.files.end(),
                     [](const FileView* file) { return file->ok() && file->report->tensors_left_out == 0; });
}

/// Is its map too long for a report? Then what it does not name proves nothing.
bool index_cut_short(const WeightSet& set) {
  const auto& findings = set.index->report->findings;
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& each) { return each.code == "values_left_out"; });
}

/// The shard that the index names for each tensor.
std::map<std::string, std::string> weight_map(const WeightSet& set) {
  std::map<std::string, std::string> out;
  if (set.index == nullptr || !set.index->ok()) return out;
  for (const auto& [name, value] : Values(*set.index->report).below("weight_map")) {
    if (const auto* shard = std::get_if<std::string>(value)) out.emplace(name, *shard);
  }
  return out;
}

std::vector<std::string> missing_shards(const WeightSet& set) {
  std::set<std::string> wanted;
  for (const auto& [name, shard] : weight_map(set)) wanted.insert(shard);
  for (const FileView* file : set.files) wanted.erase(file->name);
  return {wanted.begin(), wanted.end()};
}

void find_missing_shards(const WeightSet& set, DirectoryReport& out) {
  if (set.index == nullptr) {
    const std::string message = fmt::format("{} of {} without an index: {}.index.json is missing",
                                            counted(set.files.size(), "shard"), set.label, set.label);
    note_damage(out, message);
    add(out.findings, "missing_file", Severity::critical, message, set.label + std::string(kIndexEnding));
    return;
  }
  if (set.index->ok() && weight_map(set).empty()) {
    note_damage(out, fmt::format("{} maps no weights", set.index->name));
    add(out.findings, "index_mismatch", Severity::critical,
        fmt::format("{} has no weight_map: it names no shard", set.index->name), set.index->name);
  }
  const std::vector<std::string> missing = missing_shards(set);
  if (missing.empty()) return;
  const std::string message = fmt::format("{} that {} names {} missing: {}", counted(missing.size(), "shard"),
                                          set.index->name, is_or_are(missing.size()), some_of(missing));
  note_damage(out, message);
  add(out.findings, "missing_file", Severity::critical, message, missing.front());
}

void find_unlisted_shards(const WeightSet& set, const std::map<std::string, std::string>& map,
                          std::vector<Finding>& out) {
  std::set<std::string> listed;
  for (const auto& [name, shard] : map) listed.insert(shard);
  std::vector<std::string> unlisted;
  for (const FileView* file : set.files) {
    if (listed.count(file->name) == 0) unlisted.push_back(file->name);
  }
  if (unlisted.empty() || index_cut_short(set)) return;
  add(out, "unlisted_shard", Severity::warning,
      fmt::format("{} that {} does not name {} here, perhaps left over from an earlier save: {}",
                  counted(unlisted.size(), "shard"), set.index->name, is_or_are(unlisted.size()),
                  some_of(unlisted)),
      unlisted.front());
}

/// Tensors that are elsewhere than the index says, and tensors that it does not know.
void find_misplaced(const WeightSet& set, const std::map<std::string, std::string>& map,
                    std::vector<Finding>& out) {
  std::set<std::string> read;
  for (const FileView* file : set.files) {
    if (file->ok() && file->report->tensors_left_out == 0) read.insert(file->name);
  }
  std::vector<std::string> misplaced;
  for (const auto& [name, shard] : map) {
    if (read.count(shard) == 0) continue;
    const auto found = set.tensors.find(name);
    const bool there =
        found != set.tensors.end() &&
        std::any_of(found->second.begin(), found->second.end(),
                    [&, file = std::string_view(shard)](const Weight& each) { return each.file == file; });
    if (!there) misplaced.push_back(name);
  }
  if (!misplaced.empty()) {
    const std::string& first = misplaced.front();
    const auto found = set.tensors.find(first);
    add(out, "index_mismatch", Severity::critical,
        fmt::format("{} {} not in the shard that {} names: {}; {} should be in {} and is {}",
                    counted(misplaced.size(), "tensor"), is_or_are(misplaced.size()), set.index->name,
                    some_of(misplaced), shown(first), shown(map.at(first)),
                    found == set.tensors.end() ? "nowhere" : "in " + shown(found->second.front().file)),
        first);
  }
  std::vector<std::string> unknown;
  for (const auto& [name, places] : set.tensors) {
    if (map.count(name) == 0 && !is_buffer(name)) unknown.push_back(name);
  }
  if (!unknown.empty() && !index_cut_short(set)) {
    add(out, "index_incomplete", Severity::warning,
        fmt::format("{} in the shards {} not in {}: {}", counted(unknown.size(), "tensor"),
                    is_or_are(unknown.size()), set.index->name, some_of(unknown)),
        unknown.front());
  }
}

void find_repeated(const WeightSet& set, std::vector<Finding>& out) {
  std::vector<std::string> repeated;
  bool contradict = false;
  for (const auto& [name, places] : set.tensors) {
    if (places.size() < 2) continue;
    repeated.push_back(name);
    const TensorReport& first = *places.front().tensor;
    contradict = contradict || std::any_of(places.begin(), places.end(), [&](const Weight& each) {
                   return each.tensor->hash != first.hash || each.tensor->shape != first.shape;
                 });
  }
  if (repeated.empty()) return;
  add(out, "duplicate_tensor", contradict ? Severity::critical : Severity::warning,
      fmt::format("{} {} in more than one file of {}{}: {}", counted(repeated.size(), "tensor"),
                  is_or_are(repeated.size()), set.label, contradict ? ", with different contents" : "",
                  some_of(repeated)),
      repeated.front());
}

void check_total_size(const WeightSet& set, std::vector<Finding>& out) {
  const auto announced = Values(*set.index->report).number("metadata.total_size");
  if (!announced || !set.complete) return;
  double all = 0;
  double unique = 0;  // tied weights may be counted once
  for (const auto& [name, places] : set.tensors) {
    for (const Weight& each : places) {
      all += static_cast<double>(each.tensor->bytes);
      if (each.tensor->same_as.empty()) unique += static_cast<double>(each.tensor->bytes);
    }
  }
  if (*announced == all || *announced == unique) return;
  if (!(*announced >= 0 && *announced < 1e18)) return;
  add(out, "total_size", Severity::warning,
      fmt::format("{} says {} bytes in all, the tensors have {}", set.index->name,
                  with_commas(static_cast<std::uint64_t>(*announced)),
                  with_commas(static_cast<std::uint64_t>(unique))),
      set.index->name);
}

/// Tensors of `a` that `b` has not, but for those that are there under another name.
std::vector<std::string> only_in(const WeightSet& a, const WeightSet& b) {
  std::set<std::uint64_t> contents;
  for (const auto& [name, places] : b.tensors) contents.insert(places.front().tensor->hash);
  std::vector<std::string> out;
  for (const auto& [name, places] : a.tensors) {
    if (b.tensors.count(name) != 0 || is_buffer(name)) continue;
    if (contents.count(places.front().tensor->hash) == 0) out.push_back(name);
  }
  return out;
}

}  // namespace

std::vector<WeightSet> weight_sets(const std::vector<FileView>& files) {
  std::vector<WeightSet> out;
  for (const FileView& file : files) {
    const WeightName name = parse_weight_name(file.name);
    if (name.label.empty()) continue;
    WeightSet& set = set_for(out, name.label, name.shard);
    set.files.push_back(&file);
    for (const TensorReport& tensor : file.report->tensors)
      set.tensors[tensor.name].push_back({&tensor, file.name});
  }
  for (const FileView& file : files) {
    if (!file.name.ends_with(kIndexEnding)) continue;
    const std::string label = file.name.substr(0, file.name.size() - kIndexEnding.size());
    if (!parse_weight_name(label).label.empty()) set_for(out, label, true).index = &file;
  }
  for (WeightSet& set : out) {
    const bool index_fits =
        !set.sharded || (set.index != nullptr && set.index->ok() && missing_shards(set).empty());
    set.complete = !set.files.empty() && all_read(set) && index_fits;
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const WeightSet& a, const WeightSet& b) { return rank_of(a) < rank_of(b); });
  return out;
}

void check_shards(WeightSet& set, DirectoryReport& out) {
  find_repeated(set, out.findings);
  if (!set.sharded) return;
  find_missing_shards(set, out);
  if (set.index == nullptr || !set.index->ok()) return;
  const auto map = weight_map(set);
  if (map.empty()) return;
  find_unlisted_shards(set, map, out.findings);
  find_misplaced(set, map, out.findings);
  check_total_size(set, out.findings);
}

void check_formats(const WeightSet& a, const WeightSet& b, std::vector<Finding>& out) {
  std::vector<std::string> different;
  for (const auto& [name, places] : a.tensors) {
    const auto other = b.tensors.find(name);
    if (other == b.tensors.end() || is_buffer(name)) continue;
    const TensorReport& left = *places.front().tensor;
    const TensorReport& right = *other->second.front().tensor;
    const bool hashed = left.hash != 0 && right.hash != 0;
    if (left.shape != right.shape || left.dtype != right.dtype || (hashed && left.hash != right.hash)) {
      different.push_back(name);
    }
  }
  std::vector<std::string> problems;
  if (!different.empty()) {
    problems.push_back(fmt::format("{} differ{}: {}", counted(different.size(), "tensor"),
                                   different.size() == 1 ? "s" : "", some_of(different)));
  }
  for (const auto& [one, two] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const auto only = only_in(*one, *two);
    if (only.empty()) continue;
    problems.push_back(fmt::format("only {} has {}", one->label, some_of(only)));
  }
  if (problems.empty()) return;
  add(out, "formats_differ", Severity::critical,
      fmt::format("{} and {} do not hold the same weights: {}", a.label, b.label, fmt::join(problems, "; ")),
      b.label);
}

std::vector<NamedTensor> tensors_of(const WeightSet& set) {
  std::vector<NamedTensor> out;
  out.reserve(set.tensors.size());
  for (const auto& [name, places] : set.tensors) out.push_back({name, places.front().tensor});
  return out;
}

bool is_buffer(std::string_view name) {
  // attn.bias is the causal mask of GPT-2 and its like.
  constexpr std::array<std::string_view, 9> kEndings{
      "rotary_emb.inv_freq",   ".attn.bias",          ".attn.masked_bias",
      "position_ids",          "token_type_ids",      "rotary_emb.cos_cached",
      "rotary_emb.sin_cached", "num_batches_tracked", ".attention.bias"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view each) { return name.ends_with(each); });
}

}  // namespace redflag::checks
