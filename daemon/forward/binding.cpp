#include "daemon/forward/binding.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/forward/model_layout.h"
#include "daemon/forward/outcome.h"

namespace redflag::forward {
namespace {

using Shape = std::vector<std::int64_t>;

std::string words(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool fits(const Shape& wanted, const Shape& found) {
  return std::equal(
      wanted.begin(), wanted.end(), found.begin(), found.end(),
      [](std::int64_t want, std::int64_t got) { return want == got || (want == -1 && got > 0); });
}

class Binder {
 public:
  Binder(const ModelConfig& config, const WeightSet& weights, const BoundAdapter& adapter)
      : config_(config), weights_(weights), adapter_(adapter), expected_(expected_tensors(config)) {}

  Binding run() {
    if (adapter_.weights != nullptr) read_adapter();
    for (const ExpectedTensor& tensor : expected_) bind_tensor(tensor);
    if (adapter_.weights == nullptr) note_unexpected();
    if (adapter_.weights != nullptr) bind_adapter();
    for (const auto& finding : weights_.findings()) out_.findings.push_back(finding);
    missing_.move_to(out_.findings);
    shapes_.move_to(out_.findings);
    unexpected_.move_to(out_.findings);
    return std::move(out_);
  }

 private:
  const Located* find_in_model(const ExpectedTensor& tensor) const {
    if (const Located* found = weights_.find(tensor.name)) return found;
    for (const std::string& alias : tensor.aliases)
      if (const Located* found = weights_.find(alias)) return found;
    return nullptr;
  }

  const Located* find(const ExpectedTensor& tensor) {
    const auto replaced = tensors_of_adapter_.replaced.find(tensor.name);
    if (replaced == tensors_of_adapter_.replaced.end()) return find_in_model(tensor);
    used_.insert(tensor.name);
    return replaced->second;
  }

  void bind_tensor(const ExpectedTensor& tensor) {
    const Located* found = find(tensor);
    if (found == nullptr) {
      if (tensor.required) note_missing(tensor);
      return;
    }
    const Shape& shape = found->entry->shape;
    Shape wanted = tensor.shape;
    // Whoever adds tokens saves the longer embeddings with the adapter; the base model's config.json does not
    // know.
    if (used_.contains(tensor.name) && wanted.size() == 2 && wanted[0] == config_.vocabulary) wanted[0] = -1;
    if (!fits(wanted, shape)) {
      shapes_.add(fmt::format("{} is {}, config.json makes it {}", one_line(tensor.name), words(shape),
                              words(wanted)),
                  tensor.name);
      return;
    }
    check_type(tensor.name, *found);
    out_.tensors.emplace(tensor.name, *found);
  }

  void check_type(const std::string& name, const Located& found) {
    using tensors::DType;
    const DType type = found.entry->dtype;
    const bool readable =
        type == DType::float32 || type == DType::float16 || type == DType::bfloat16 || type == DType::float64;
    if (out_.unsupported.empty() && (!readable || found.entry->opaque))
      out_.unsupported =
          fmt::format("{} is stored as {}, which is not computed with here", one_line(name),
                      found.entry->opaque ? "a quantised or sparse tensor" : tensors::to_string(type));
  }

  /// A prefix that a wrapper left (DataParallel's "module.", torch.compile's "_orig_mod.") hides every
  /// tensor.
  std::string elsewhere(const ExpectedTensor& tensor) {
    if (looked_elsewhere_++ >= 20) return {};
    for (const auto& [name, located] : weights_.tensors())
      if (name.size() > tensor.name.size() && name.ends_with("." + tensor.name)) return name;
    return {};
  }

  void note_missing(const ExpectedTensor& tensor) {
    const std::string other = elsewhere(tensor);
    missing_.add(
        other.empty()
            ? fmt::format("{} is missing; it would be filled with random numbers when loaded", tensor.name)
            : fmt::format("{} is missing; the file calls it {}, which from_pretrained does not read",
                          tensor.name, one_line(other)),
        tensor.name);
  }

  void note_unexpected() {
    std::set<std::string_view> known;
    for (const ExpectedTensor& tensor : expected_) {
      known.insert(tensor.name);
      known.insert(tensor.aliases.begin(), tensor.aliases.end());
    }
    for (const auto& [name, located] : weights_.tensors())
      if (!known.contains(name) && !is_ignored_buffer(name))
        unexpected_.add(
            fmt::format("{} {} is not part of {}", name.empty() ? "a tensor without a name," : one_line(name),
                        words(located.entry->shape), config_.architecture),
            name);
  }

  void read_adapter() {
    tensors_of_adapter_ = adapter_tensors(*adapter_.weights);
    if (tensors_of_adapter_.embeddings) out_.unsupported = "an adapter of the embeddings is not known here";
    for (const std::string& name : tensors_of_adapter_.unknown)
      unexpected_.add(fmt::format("{} is no name that an adapter's file has", one_line(name)), name);
  }

  void bind_adapter() {
    for (const auto& [module, pair] : tensors_of_adapter_.pairs) bind_pair(module, pair);
    for (const auto& [name, located] : tensors_of_adapter_.replaced)
      if (!used_.contains(name))
        unexpected_.add(
            fmt::format("{} of the adapter is not part of {}", one_line(name), config_.architecture), name);
    for (const auto& [name, located] : out_.tensors) {
      if (!name.ends_with(".weight") || located.entry->shape.size() != 2) continue;
      const std::string module = name.substr(0, name.size() - 7);
      const bool saved_whole = tensors_of_adapter_.replaced.contains(name);
      const bool expected = adapter_.config->targets_module(module) && !saved_whole;
      if (expected && !tensors_of_adapter_.pairs.contains(module))
        missing_.add(fmt::format("{} is a target of the adapter and has no lora_A and lora_B", module),
                     module);
    }
    for (const auto& finding : adapter_.weights->findings()) out_.findings.push_back(finding);
  }

  void bind_pair(const std::string& module, const AdapterTensors::Pair& pair) {
    if (config_.tied && module + ".weight" == output_embedding(config_)) {
      out_.unsupported =
          fmt::format("an adapter of {}, which is tied to the input embedding, is not known here", module);
      return;
    }
    const auto base = out_.tensors.find(module + ".weight");
    if (base == out_.tensors.end() || base->second.entry->shape.size() != 2) {
      unexpected_.add(fmt::format("the adapter changes {}, which is not part of {}", one_line(module),
                                  config_.architecture),
                      module);
      return;
    }
    if (pair.a == nullptr || pair.b == nullptr) {
      missing_.add(fmt::format("{} has no {}", one_line(module), pair.a == nullptr ? "lora_A" : "lora_B"),
                   module);
      return;
    }
    const Shape& weight = base->second.entry->shape;
    const bool conv = config_.family == Family::gpt2 && ("." + module).find(".h.") != std::string::npos;
    const std::int64_t in = conv ? weight[0] : weight[1];
    const std::int64_t out = conv ? weight[1] : weight[0];
    const std::int64_t rank = adapter_.config->rank_for(module);
    if (pair.a->entry->shape != Shape{rank, in} || pair.b->entry->shape != Shape{out, rank}) {
      shapes_.add(
          fmt::format(
              "{}: lora_A is {} and lora_B {}, by adapter_config.json and the base model they are {} and {}",
              one_line(module), words(pair.a->entry->shape), words(pair.b->entry->shape), words({rank, in}),
              words({out, rank})),
          module);
      return;
    }
    check_type(module + ".lora_A", *pair.a);
    check_type(module + ".lora_B", *pair.b);
    out_.lora.emplace(module, LoraTerm{*pair.a, *pair.b, adapter_.config->scaling(module)});
  }

  const ModelConfig& config_;
  const WeightSet& weights_;
  BoundAdapter adapter_;
  std::vector<ExpectedTensor> expected_;
  AdapterTensors tensors_of_adapter_;
  std::set<std::string> used_;  ///< tensors that the adapter brought whole
  std::size_t looked_elsewhere_ = 0;
  Binding out_;
  BoundedFindings missing_{"forward_missing_tensor", Severity::critical};
  BoundedFindings shapes_{"forward_shape", Severity::critical};
  BoundedFindings unexpected_{"forward_unexpected_tensor", Severity::warning};
};

}  // namespace

bool Binding::complete() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const tensors::Finding& finding) { return finding.severity == Severity::critical; });
}

Binding bind(const ModelConfig& config, const WeightSet& weights, const BoundAdapter& adapter) {
  return Binder(config, weights, adapter).run();
}

}  // namespace redflag::forward
