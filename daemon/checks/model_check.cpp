// What config.json asks for, tensor by tensor, told in one finding for each kind of disagreement.
#include "daemon/checks/model_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

/// LayerNorm.gamma and .beta are what old checkpoints call weight and bias; transformers renames them.
std::string modern_name(const std::string& name) {
  if (name.ends_with("LayerNorm.gamma")) return name.substr(0, name.size() - 5) + "weight";
  if (name.ends_with("LayerNorm.beta")) return name.substr(0, name.size() - 4) + "bias";
  return name;
}

using ByName = std::map<std::string, const TensorReport*>;

ByName by_name(const WeightSet& set) {
  ByName out;
  for (const auto& [name, places] : set.tensors) out.emplace(modern_name(name), places.front().tensor);
  return out;
}

/// The prefix under which most of the base model is found, and how many of its tensors are.
std::pair<std::string, std::size_t> find_prefix(const Architecture& architecture, const ByName& tensors) {
  std::pair<std::string, std::size_t> best{architecture.prefixes.front(), 0};
  for (const std::string& prefix : architecture.prefixes) {
    const auto found = static_cast<std::size_t>(
        std::count_if(architecture.base.begin(), architecture.base.end(),
                      [&](const auto& each) { return tensors.count(prefix + each.name) != 0; }));
    if (found > best.second) best = {prefix, found};
  }
  return best;
}

struct Differences {
  std::vector<std::string> missing;
  std::vector<std::string> wrong_shape;
  std::string first_wrong;  ///< in words
  std::set<std::string> known;
};

void compare(const std::string& name, const ExpectedTensor& expected, const ByName& tensors,
             Differences& out) {
  out.known.insert(name);
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    if (expected.required) out.missing.push_back(name);
    return;
  }
  if (fits(found->second->shape, expected.shape)) return;
  if (out.wrong_shape.empty()) {
    out.first_wrong = fmt::format("{} is {}, config.json asks for {}", shown(name),
                                  shape_text(found->second->shape), shape_text(expected.shape));
  }
  out.wrong_shape.push_back(name);
}

/// The number after prefix and stem: 3 of "model.layers.3.mlp.up_proj.weight"; -1 without one.
std::int64_t layer_of(std::string_view name, const std::string& start) {
  if (!name.starts_with(start)) return -1;
  name.remove_prefix(start.size());
  std::int64_t out = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), out);
  return error == std::errc() && out >= 0 ? out : -1;
}

/// Parts that a base model has in some configurations only.
bool is_optional_part(std::string_view name) {
  constexpr std::array<std::string_view, 3> kParts{"crossattention", "ln_cross_attn", "distance_embedding"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view each) { return name.find(each) != std::string_view::npos; });
}

void find_unexpected(const Architecture& architecture, const std::string& prefix, const ByName& tensors,
                     const std::set<std::string>& known, std::vector<Finding>& out) {
  constexpr std::array<std::string_view, 6> kHeads{"lm_head.",    "score.", "classifier.",
                                                   "qa_outputs.", "cls.",   "multiple_choice_head."};
  std::vector<std::string> inside;
  std::vector<std::string> beside;
  std::int64_t highest = -1;
  for (const auto& [name, tensor] : tensors) {
    if (known.count(name) != 0 || is_buffer(name) || is_optional_part(name)) continue;
    if (std::any_of(kHeads.begin(), kHeads.end(),
                    [&, each_name = std::string_view(name)](std::string_view each) {
                      return each_name.starts_with(each);
                    })) {
      continue;
    }
    const std::int64_t layer = layer_of(name, prefix + architecture.layer_stem);
    highest = std::max(highest, layer);
    const bool in_base = layer >= 0 || (!prefix.empty() && name.starts_with(prefix));
    (in_base ? inside : beside).push_back(name);
  }
  if (!inside.empty()) {
    std::string message = fmt::format("{} that config.json has no place for: {}",
                                      counted(inside.size(), "tensor"), some_of(inside));
    if (highest >= architecture.layers) {
      message += fmt::format("; layers go up to {}, config.json has {}", highest, architecture.layers);
    }
    add(out, "unexpected_tensor", Severity::warning, message, inside.front());
  }
  if (!beside.empty()) {
    add(out, "unexpected_tensor", Severity::info,
        fmt::format("{} beside the {} model: {}", counted(beside.size(), "tensor"), architecture.family,
                    some_of(beside)),
        beside.front());
  }
}

/// "layers 3, 7": those of which every missing tensor is one; empty when there are none.
std::string whole_layers(const Architecture& architecture, const std::string& prefix,
                         const std::vector<std::string>& missing) {
  std::map<std::int64_t, std::size_t> lost;
  for (const std::string& name : missing) ++lost[layer_of(name, prefix + architecture.layer_stem)];
  std::map<std::int64_t, std::size_t> wanted;
  for (const auto& each : architecture.base) {
    if (each.required) ++wanted[layer_of(each.name, architecture.layer_stem)];
  }
  std::vector<std::string> out;
  for (const auto& [layer, count] : lost) {
    if (layer >= 0 && count == wanted[layer]) out.push_back(std::to_string(layer));
  }
  return out.empty() ? "" : fmt::format("; nothing of layer{} {}", out.size() == 1 ? "" : "s", some_of(out));
}

/// What the file holds instead, in a few words.
std::string instead(const ByName& tensors) {
  if (tensors.empty()) return "it holds no tensor at all";
  const auto& [name, tensor] = *tensors.begin();
  const std::string first =
      name.empty() ? fmt::format("a bare one of {}", shape_text(tensor->shape)) : shown(name);
  return fmt::format("it holds {}: {}{}", counted(tensors.size(), "tensor"), first,
                     tensors.size() == 1 ? "" : ", ...");
}

void check_architecture(const Architecture& architecture, const WeightSet& set, const ByName& tensors,
                        std::vector<Finding>& out) {
  const auto [prefix, found] = find_prefix(architecture, tensors);
  if (found == 0) {
    add(out, "missing_tensor", Severity::critical,
        fmt::format("{}: none of the {} layers' tensors of config.json is in it; {}", set.label,
                    architecture.layers, instead(tensors)),
        set.label);
    return;
  }
  Differences differences;
  for (const auto& each : architecture.base) compare(prefix + each.name, each, tensors, differences);
  for (const auto& each : architecture.heads) compare(each.name, each, tensors, differences);
  if (const auto& missing = differences.missing; !missing.empty()) {
    add(out, "missing_tensor", Severity::critical,
        fmt::format("{} that config.json asks for {} missing: {}{}", counted(missing.size(), "tensor"),
                    is_or_are(missing.size()), some_of(missing), whole_layers(architecture, prefix, missing)),
        missing.front());
  }
  if (const auto& wrong = differences.wrong_shape; !wrong.empty()) {
    std::string message = differences.first_wrong;
    if (wrong.size() > 1) {
      message += fmt::format("; {} have other shapes than it asks for: {}", counted(wrong.size(), "tensor"),
                             some_of(wrong));
    }
    add(out, "shape_mismatch", Severity::critical, message, wrong.front());
  }
  find_unexpected(architecture, prefix, tensors, differences.known, out);
}

/// Of a model whose classes are not known only the embedding is obvious.
void check_embedding(const Values& config, const ByName& tensors, std::vector<Finding>& out) {
  constexpr std::array<std::string_view, 6> kEmbeddings{"embed_tokens.weight",    "wte.weight",
                                                        "word_embeddings.weight", "tok_embeddings.weight",
                                                        "embed_in.weight",        "shared.weight"};
  const auto hidden = config.whole("hidden_size");
  const auto vocabulary = config.whole("vocab_size");
  // A factorised embedding (ALBERT, ELECTRA) has its own width.
  if (!hidden || !vocabulary || config.has("embedding_size") || config.has("word_embed_proj_dim")) return;
  for (const auto& [name, tensor] : tensors) {
    const bool is_embedding = std::any_of(
        kEmbeddings.begin(), kEmbeddings.end(), [&, text = std::string_view(name)](std::string_view each) {
          return text == each || (text.ends_with(each) && text[text.size() - each.size() - 1] == '.');
        });
    if (!is_embedding || tensor->shape.size() != 2 || fits(tensor->shape, {*vocabulary, *hidden})) continue;
    add(out, "shape_mismatch", Severity::warning,
        fmt::format("{} is {}, config.json has a vocabulary of {} and a hidden size of {}", shown(name),
                    shape_text(tensor->shape), *vocabulary, *hidden),
        name);
    return;
  }
}

double elements_of(const TensorReport& tensor) {
  double out = 1;
  for (const std::int64_t each : tensor.shape) out *= static_cast<double>(each);
  return out;
}

/// May a tensor of that name be zero throughout in a healthy checkpoint?
bool may_be_zero(std::string_view name) {
  constexpr std::array<std::string_view, 8> kParts{
      "bias",         "beta",        "lora_B",       "lora_embedding_A",
      "running_mean", "token_type_", "position_ids", "inv_freq"};
  return is_buffer(name) || std::any_of(kParts.begin(), kParts.end(), [&](std::string_view each) {
           return name.find(each) != std::string_view::npos;
         });
}

bool is_norm(std::string_view name) {
  return name.find("norm") != std::string_view::npos || name.find("Norm") != std::string_view::npos ||
         name.find("ln_") != std::string_view::npos;
}

}  // namespace

void check_model(const WeightSet& set, const FileReport& config, DirectoryReport& out) {
  const Values values(config);
  const ByName tensors = by_name(set);
  const std::string name = architecture_name(values);
  double parameters = 0;
  for (const auto& [each, tensor] : tensors) {
    if (tensor->same_as.empty()) parameters += elements_of(*tensor);
  }
  out.values.emplace_back("architecture", shown(name));
  out.values.emplace_back("tensors", static_cast<double>(tensors.size()));
  out.values.emplace_back("parameters", parameters);
  if (values.has("quantization_config")) {
    add(out.findings, "not_compared", Severity::info,
        "the weights are quantised: names and shapes are not compared with config.json", set.label);
    return;
  }
  const auto architecture = architecture_of(values);
  if (architecture) {
    out.values.emplace_back("layers", static_cast<double>(architecture->layers));
    check_architecture(*architecture, set, tensors, out.findings);
    return;
  }
  const bool known =
      name == "llama" || name == "mistral" || name == "gpt2" || name == "bert" || name == "roberta";
  add(out.findings, known ? "config_incomplete" : "architecture_unknown",
      known ? Severity::warning : Severity::info,
      known ? "config.json names no number of layers: its tensors cannot be compared with it"
      : name.empty()
          ? "config.json names no architecture: only the embedding is compared with it"
          : fmt::format("architecture {} is not known: only the embedding is compared with config.json",
                        shown(name)),
      "config.json");
  check_embedding(values, tensors, out.findings);
}

void check_weight_contents(const WeightSet& set, const Architecture* architecture,
                           std::vector<Finding>& out) {
  const std::vector<NamedTensor> tensors = tensors_of(set);
  std::vector<NamedTensor> looked_at;
  for (const NamedTensor& each : tensors) {
    if (!is_buffer(each.name)) looked_at.push_back(each);  // a mask of -inf is no trouble
  }
  find_nonfinite(looked_at, "tensor", "nan", out);
  std::vector<std::string> sure;
  std::vector<std::string> odd;
  for (const auto& [name, tensor] : looked_at) {
    if (!is_all_zero(*tensor) || may_be_zero(name)) continue;
    const bool matrix = tensor->shape.size() >= 2;
    const bool known = architecture != nullptr || set.adapter;
    // Some models (Gemma) add 1 to a norm's weight: zero is where it begins.
    if (matrix || (known && is_norm(name))) (known ? sure : odd).push_back(name);
  }
  for (const auto& [names, severity] :
       {std::pair(&sure, Severity::critical), std::pair(&odd, Severity::warning)}) {
    if (names->empty()) continue;
    add(out, "all_zero", severity,
        fmt::format("{} of {} {} all zero: {}", names->size(), counted(tensors.size(), "tensor"),
                    is_or_are(names->size()), some_of(*names)),
        names->front());
  }
}

}  // namespace redflag::checks
