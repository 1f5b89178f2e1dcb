// The fields that E4 of the extraction's format asks for.
#include "daemon/checks/step_metadata.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/files.h"
#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* between) {
  return fmt::format("{}", fmt::join(parts, between));
}

/// A date as "2025-09-22…", or seconds since 1970.
bool is_timestamp(const Values& metadata) {
  if (const auto number = metadata.number("timestamp")) return *number > 0;
  const auto text = metadata.text("timestamp");
  if (!text || text->size() < 8) return false;
  return std::count_if(text->begin(), text->end(), [](unsigned char c) { return std::isdigit(c) != 0; }) >= 8;
}

std::vector<std::string> wrong_fields(const Values& metadata) {
  std::vector<std::string> out;
  const auto wrong = [&](bool is_wrong, const char* what) {
    if (is_wrong) out.emplace_back(what);
  };
  wrong(metadata.has("step") && !metadata.whole("step"), "step is not a whole number");
  wrong(metadata.has("task_name") && !metadata.text("task_name"), "task_name is not a text");
  wrong(metadata.has("method") && !metadata.text("method"), "method is not a text");
  wrong(metadata.has("timestamp") && !is_timestamp(metadata), "timestamp is not a time");
  const auto samples = metadata.number("num_samples");
  wrong(metadata.has("num_samples") && !(samples && *samples > 0), "num_samples is not a positive number");
  const auto layers = metadata_layers(metadata);
  wrong(metadata.has("layer_names") && layers.empty(), "layer_names is not a list of names");
  wrong(!layers.empty() && layers.size() != metadata.texts("layer_names").size(),
        "layer_names names a layer twice");
  return out;
}

/// Layers that tensor_shapes has no list of numbers for.
std::vector<std::string> layers_without_shape(const Values& metadata) {
  std::vector<std::string> out;
  if (!metadata.has("tensor_shapes")) return out;
  for (const std::string& layer : metadata_layers(metadata)) {
    if (!metadata_shape(metadata, layer)) out.push_back(layer);
  }
  return out;
}

}  // namespace

std::vector<std::string> metadata_layers(const Values& metadata) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (std::string& name : metadata.texts("layer_names")) {
    if (seen.insert(name).second) out.push_back(std::move(name));
  }
  return out;
}

std::optional<std::vector<std::int64_t>> metadata_shape(const Values& metadata, const std::string& layer) {
  for (const char* form : {"tensor_shapes.{}", "tensor_shapes.{}.shape"}) {
    const std::string name = fmt::format(fmt::runtime(form), layer);
    const auto length = metadata.whole(name + ".length");
    if (!length || *length > 64) continue;
    std::vector<std::int64_t> out;
    while (const auto each = metadata.whole(fmt::format("{}.{}", name, out.size()))) out.push_back(*each);
    if (static_cast<std::int64_t>(out.size()) == *length) return out;
  }
  return std::nullopt;
}

std::string metadata_dtype(const Values& metadata, const std::string& layer) {
  for (const char* form : {"tensor_dtypes.{}", "tensor_shapes.{}.dtype", "dtypes.{}"}) {
    auto text = metadata.text(fmt::format(fmt::runtime(form), layer));
    if (!text) continue;
    return text->starts_with("torch.") ? text->substr(6) : *text;
  }
  return {};
}

void check_metadata(const Values& metadata, const daemon::DirPlace& place, std::vector<Finding>& out) {
  std::vector<std::string> problems;
  std::vector<std::string> absent;
  for (const char* field :
       {"step", "task_name", "method", "timestamp", "num_samples", "layer_names", "tensor_shapes"}) {
    if (!metadata.has(field)) absent.emplace_back(field);
  }
  if (!absent.empty()) problems.push_back("lacks " + joined(absent, ", "));
  for (std::string& each : wrong_fields(metadata)) problems.push_back(std::move(each));
  if (const auto layers = layers_without_shape(metadata); !layers.empty()) {
    problems.push_back("tensor_shapes has no shape for " + some_of(layers));
  }
  if (!problems.empty()) {
    add(out, "metadata_incomplete", Severity::warning, "metadata.json: " + joined(problems, "; "),
        "metadata.json");
  }

  std::vector<std::string> contradictions;
  const auto step = metadata.whole("step");
  if (step && place.step >= 0 && *step != place.step) {
    contradictions.push_back(fmt::format("step is {}, the directory says {}", *step, place.step));
  }
  const auto task = metadata.text("task_name");
  if (task && !place.task.empty() && daemon::canonical_task(*task) != place.task) {
    contradictions.push_back(
        fmt::format("task_name is \"{}\", the directory says {}", shown(*task), shown(place.task)));
  }
  const auto method = metadata.text("method");
  if (method && !place.method.empty() && daemon::split_method_task(*method + "_x").method != place.method) {
    contradictions.push_back(
        fmt::format("method is \"{}\", the directory says {}", shown(*method), shown(place.method)));
  }
  if (!contradictions.empty()) {
    add(out, "metadata_mismatch", Severity::critical,
        fmt::format("metadata.json contradicts its directory: {}", joined(contradictions, "; ")),
        "metadata.json");
  }
}

}  // namespace redflag::checks
