#include "daemon/forward/adapter.h"

#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/forward/outcome.h"

namespace redflag::forward {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDoing = "reading adapter_config.json";

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::malformed, std::string(kDoing), std::move(what));
}

tl::unexpected<Error> unknown(std::string what) {
  return fail(ErrorCode::unavailable, "", std::move(what));
}

std::string text(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Set to something that is neither null, false nor empty.
bool is_set(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  return !found->empty();
}

/// Is `end` the module, or its last names?
bool ends_module(std::string_view module, std::string_view end) {
  if (!module.ends_with(end)) return false;
  return module.size() == end.size() || module[module.size() - end.size() - 1] == '.';
}

bool is_plain_pattern(std::string_view pattern) {
  return pattern.find_first_of("*+?^$[](){}|\\") == std::string_view::npos;
}

std::optional<double> positive(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!std::isfinite(number) || number <= 0 || number > 1e6) return std::nullopt;
  return number;
}

template <typename Number>
Result<void> read_pattern(const Json& config, const char* key, std::map<std::string, Number>& out) {
  if (!is_set(config, key)) return {};
  const Json& patterns = config.at(key);
  if (!patterns.is_object()) return malformed(fmt::format("{} is no object", key));
  for (const auto& [pattern, value] : patterns.items()) {
    if (!is_plain_pattern(pattern)) return unknown(fmt::format("{} holds a regular expression", key));
    const auto number = positive(value);
    if (!number) return malformed(fmt::format("{} of {} is no positive number", key, one_line(pattern)));
    out.emplace(pattern, static_cast<Number>(*number));
  }
  return {};
}

template <typename Number>
Number pattern_value(const std::map<std::string, Number>& patterns, std::string_view module,
                     Number otherwise) {
  for (const auto& [pattern, value] : patterns)
    if (ends_module(module, pattern)) return value;
  return otherwise;
}

Result<void> read_numbers(const Json& config, AdapterConfig& out) {
  const auto rank = config.contains("r") ? positive(config.at("r")) : std::optional<double>(8);
  const auto alpha =
      config.contains("lora_alpha") ? positive(config.at("lora_alpha")) : std::optional<double>(8);
  if (!rank || *rank < 1) return malformed("r is no positive number");
  if (!alpha) return malformed("lora_alpha is no positive number");
  out.rank = static_cast<std::int64_t>(*rank);
  out.alpha = *alpha;
  if (const Result<void> ranks = read_pattern(config, "rank_pattern", out.rank_of); !ranks) return ranks;
  return read_pattern(config, "alpha_pattern", out.alpha_of);
}

/// Only a plain list says which modules have to be there.
void read_targets(const Json& config, AdapterConfig& out) {
  for (const char* key : {"layers_to_transform", "exclude_modules", "target_parameters"})
    if (is_set(config, key)) return;
  const auto targets = config.find("target_modules");
  if (targets == config.end() || !targets->is_array()) return;
  for (const Json& target : *targets)
    if (target.is_string()) out.targets.push_back(target.get<std::string>());
}

/// "X.lora_A.default" is "X.lora_A": the name of the adapter may stand before the last word.
std::string without_adapter_name(std::string name, std::string_view after) {
  const std::size_t at = name.find(after);
  if (at == std::string::npos) return name;
  const std::size_t begin = at + after.size();
  const std::size_t end = name.find('.', begin);
  if (end != std::string::npos) name.erase(begin, end + 1 - begin);
  return name;
}

/// `name` without its part `part`; unchanged where there is none.
std::string without(std::string name, std::string_view part) {
  const std::size_t at = name.find(part);
  if (at != std::string::npos) name.erase(at, part.size());
  return name;
}

bool add_half(const std::string& name, const Located& tensor, AdapterTensors& out) {
  for (const bool first : {true, false}) {
    const std::string middle = first ? ".lora_A." : ".lora_B.";
    const std::string plain = name.ends_with(middle + "weight") ? name : without_adapter_name(name, middle);
    if (!plain.ends_with(middle + "weight")) continue;
    AdapterTensors::Pair& pair = out.pairs[plain.substr(0, plain.size() - middle.size() - 6)];
    (first ? pair.a : pair.b) = &tensor;
    return true;
  }
  return false;
}

}  // namespace

double AdapterConfig::scaling(std::string_view module) const {
  const auto r = static_cast<double>(rank_for(module));
  return pattern_value(alpha_of, module, alpha) / (root_scaling ? std::sqrt(r) : r);
}

std::int64_t AdapterConfig::rank_for(std::string_view module) const {
  return pattern_value(rank_of, module, rank);
}

bool AdapterConfig::targets_module(std::string_view module) const {
  for (const std::string& target : targets)
    if (ends_module(module, target)) return true;
  return false;
}

Result<AdapterConfig> adapter_config_from(const Json& config) {
  if (!config.is_object()) return malformed("it holds no JSON object");
  AdapterConfig out;
  const std::string type = text(config, "peft_type");
  if (type != "LORA")
    return unknown(fmt::format("unknown kind of adapter {}", type.empty() ? "(none named)" : one_line(type)));
  for (const char* key : {"use_dora", "use_qalora", "megatron_config", "layer_replication",
                          "trainable_token_indices", "arrow_config"})
    if (is_set(config, key)) return unknown(fmt::format("an adapter with {} is not known here", key));
  out.base = text(config, "base_model_name_or_path");
  out.task = text(config, "task_type");
  out.root_scaling = is_set(config, "use_rslora");
  if (const Result<void> read = read_numbers(config, out); !read) return tl::unexpected<Error>(read.error());
  read_targets(config, out);
  return out;
}

AdapterTensors adapter_tensors(const WeightSet& weights) {
  constexpr std::string_view kTop = "base_model.model.";
  AdapterTensors out;
  for (const auto& [full, tensor] : weights.tensors()) {
    if (full.find(".lora_embedding_") != std::string::npos) out.embeddings = true;
    if (!full.starts_with(kTop)) {
      out.unknown.push_back(full);
      continue;
    }
    const std::string name = full.substr(kTop.size());
    if (add_half(name, tensor, out)) continue;
    std::string whole = without(name, ".base_layer");
    if (whole.find(".modules_to_save.") != std::string::npos) {
      const std::string saved = without(whole, ".modules_to_save");
      // "classifier.modules_to_save.default.weight": what follows is the adapter's name, unless it is already
      // a tensor's.
      whole =
          whole.find(".modules_to_save.default.") != std::string::npos ? without(saved, ".default") : saved;
    }
    out.replaced.emplace(whole, &tensor);
  }
  return out;
}

}  // namespace redflag::forward
