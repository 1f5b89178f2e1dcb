// Names like base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight, taken apart and put into pairs.
#include "daemon/checks/adapter_check.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/values.h"
#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

struct Pair {
  const TensorReport* a = nullptr;
  const TensorReport* b = nullptr;
  bool embedding = false;  ///< lora_embedding_A is [r, vocabulary], _B is [hidden, r]: the same roles
};

/// By module: "base_model.model.model.layers.0.self_attn.q_proj".
using Pairs = std::map<std::string, Pair>;

Pairs pairs_of(const WeightSet& set) {
  Pairs out;
  for (const auto& [name, places] : set.tensors) {
    for (const bool embedding : {false, true}) {
      const std::string_view part = embedding ? ".lora_embedding_" : ".lora_";
      const std::size_t at = name.find(part);
      if (at == std::string::npos || at + part.size() >= name.size()) continue;
      const char side = name[at + part.size()];
      const std::size_t end = at + part.size() + 1;
      if ((side != 'A' && side != 'B') || (end < name.size() && name[end] != '.')) continue;
      Pair& pair = out[name.substr(0, at)];
      pair.embedding = embedding;
      (side == 'A' ? pair.a : pair.b) = places.front().tensor;
    }
  }
  return out;
}

bool is_target(std::string_view module, std::string_view target) {
  if (!module.ends_with(target)) return false;
  return module.size() == target.size() || module[module.size() - target.size() - 1] == '.';
}

/// Path components that are numbers become "*": modules that differ by their layer only are the same.
std::string without_layer(const std::string& module) {
  std::string out;
  std::size_t from = 0;
  while (from <= module.size()) {
    const std::size_t dot = std::min(module.find('.', from), module.size());
    const std::string part = module.substr(from, dot - from);
    const bool number = !part.empty() && std::all_of(part.begin(), part.end(),
                                                     [](unsigned char c) { return std::isdigit(c) != 0; });
    out += (from == 0 ? "" : ".") + (number ? "*" : part);
    from = dot + 1;
  }
  return out;
}

/// Values of the only component that is a number, by module without it.
std::map<std::string, std::set<std::string>> layers_by_module(const Pairs& pairs) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [module, pair] : pairs) {
    const std::string pattern = without_layer(module);
    const std::size_t star = pattern.find('*');
    if (star == std::string::npos || pattern.find('*', star + 1) != std::string::npos) continue;
    out[pattern].insert(module.substr(star, module.size() - pattern.size() + 1));
  }
  return out;
}

void check_pairs(const Pairs& pairs, const Values& config, std::vector<Finding>& out) {
  const auto rank = config.whole("r");
  // With a pattern or AdaLoRA, ranks differ from module to module.
  const bool one_rank = rank && config.below("rank_pattern").empty();
  std::vector<std::string> alone;
  std::vector<std::string> wrong;
  std::string first_wrong;
  for (const auto& [module, pair] : pairs) {
    if (pair.a == nullptr || pair.b == nullptr) {
      alone.push_back(module + (pair.a == nullptr ? ".lora_A" : ".lora_B"));
      continue;
    }
    const auto& a = pair.a->shape;
    const auto& b = pair.b->shape;
    const bool shaped = a.size() >= 2 && b.size() >= 2;
    const bool fits = shaped && a[0] == b[1] && (!one_rank || a[0] == *rank);
    if (fits) continue;
    if (wrong.empty()) {
      first_wrong = fmt::format("{}: lora_A is {}, lora_B {}", shown(module), shape_text(a), shape_text(b));
      if (rank) first_wrong += fmt::format(", adapter_config.json has r = {}", *rank);
    }
    wrong.push_back(module);
  }
  if (!alone.empty()) {
    add(out, "missing_tensor", Severity::critical,
        fmt::format("{} {} missing, though the other half of the pair is there: {}",
                    counted(alone.size(), "LoRA tensor"), is_or_are(alone.size()), some_of(alone)),
        alone.front());
  }
  if (!wrong.empty()) {
    if (wrong.size() > 1) first_wrong += fmt::format("; {} in all", counted(wrong.size(), "module"));
    add(out, "shape_mismatch", Severity::critical, first_wrong, wrong.front());
  }
}

void check_targets(const Pairs& pairs, const Values& config, std::vector<Finding>& out) {
  const std::vector<std::string> targets = config.texts("target_modules");
  if (targets.empty()) return;  // a regular expression, or all of them
  std::vector<std::string> unused;
  for (const std::string& target : targets) {
    if (std::none_of(pairs.begin(), pairs.end(),
                     [&](const auto& each) { return is_target(each.first, target); })) {
      unused.push_back(target);
    }
  }
  if (!unused.empty()) {
    // peft takes lists in which some names are of other models, as long as one fits.
    const bool all = unused.size() == targets.size();
    add(out, "missing_tensor", all ? Severity::critical : Severity::info,
        fmt::format("no LoRA tensors for {} of adapter_config.json's target_modules: {}", unused.size(),
                    some_of(unused)),
        unused.front());
  }
  std::vector<std::string> stray;
  for (const auto& each : pairs) {
    const auto targets_it = [&](const std::string& target) { return is_target(each.first, target); };
    if (std::none_of(targets.begin(), targets.end(), targets_it)) stray.push_back(each.first);
  }
  if (!stray.empty()) {
    add(out, "unexpected_tensor", Severity::warning,
        fmt::format("LoRA tensors of {} that adapter_config.json does not target: {}",
                    counted(stray.size(), "module"), some_of(stray)),
        stray.front());
  }
}

/// q_proj in 22 of 24 layers: two were lost, unless the configuration chose layers.
void check_layers(const Pairs& pairs, const Values& config, std::vector<Finding>& out) {
  if (config.number("layers_to_transform") || !config.below("layers_to_transform").empty()) return;
  const auto targets = config.texts("target_modules");
  const auto names_a_layer = [](const std::string& each) { return each.find('.') != std::string::npos; };
  if (targets.empty() || std::any_of(targets.begin(), targets.end(), names_a_layer)) return;
  const auto layers = layers_by_module(pairs);
  std::set<std::string> all;
  for (const auto& [module, numbers] : layers) all.insert(numbers.begin(), numbers.end());
  for (const auto& [module, numbers] : layers) {
    if (numbers.size() == all.size()) continue;
    std::vector<std::string> lost;
    std::set_difference(all.begin(), all.end(), numbers.begin(), numbers.end(), std::back_inserter(lost));
    add(out, "missing_tensor", Severity::warning,
        fmt::format("{} has no LoRA tensors in {} of {}: {}", shown(module), lost.size(),
                    counted(all.size(), "layer"), some_of(lost)),
        module);
    return;
  }
}

void check_trained(const Pairs& pairs, std::int64_t step, std::vector<Finding>& out) {
  std::vector<std::string> zero;
  for (const auto& [module, pair] : pairs) {
    // The half that begins at zero; the other one begins at random.
    const TensorReport* start = pair.embedding ? pair.a : pair.b;
    if (start != nullptr && is_all_zero(*start)) zero.push_back(module);
  }
  if (zero.empty()) return;
  const bool all = zero.size() == pairs.size();
  const bool warn = all && step != 0;
  add(out, "untrained_adapter", warn ? Severity::warning : Severity::info,
      all ? fmt::format("untrained adapter: every lora_B is zero, so it changes nothing{}",
                        step == 0 ? " (as it should be at step 0)" : "")
          : fmt::format("{} of {} have a lora_B of zero and change nothing: {}", zero.size(),
                        counted(pairs.size(), "LoRA module"), some_of(zero)),
      all ? "" : zero.front());
}

}  // namespace

void check_adapter(const WeightSet& set, const FileReport& config, std::int64_t step, DirectoryReport& out) {
  const Values values(config);
  const std::string kind = values.text("peft_type").value_or("LORA");
  out.values.emplace_back("adapter", shown(kind));
  out.values.emplace_back("tensors", static_cast<double>(set.tensors.size()));
  if (kind != "LORA") {
    add(out.findings, "not_compared", Severity::info,
        fmt::format("adapters of kind {} are not compared with adapter_config.json", shown(kind)), set.label);
    return;
  }
  const Pairs pairs = pairs_of(set);
  out.values.emplace_back("modules", static_cast<double>(pairs.size()));
  if (pairs.empty()) {
    add(out.findings, "missing_tensor", Severity::critical,
        fmt::format("{}: none of its {} is a LoRA matrix", set.label, counted(set.tensors.size(), "tensor")),
        set.label);
    return;
  }
  check_pairs(pairs, values, out.findings);
  check_targets(pairs, values, out.findings);
  check_layers(pairs, values, out.findings);
  check_trained(pairs, step, out.findings);
}

}  // namespace redflag::checks
