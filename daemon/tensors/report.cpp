// Names of verdicts and kinds, and the look-up of a file's values.
#include "daemon/tensors/report.h"

#include <algorithm>
#include <array>

namespace redflag::tensors {
namespace {

constexpr std::array<std::string_view, 5> kVerdicts{"ok", "damaged", "refused", "in_progress", "unknown"};
constexpr std::array<std::string_view, 10> kKinds{"unknown",     "torch_zip",   "torch_legacy", "torchscript",
                                                  "pickle",      "safetensors", "shard_index",  "json",
                                                  "lfs_pointer", "empty"};

}  // namespace

std::string_view to_string(Verdict verdict) {
  const auto index = static_cast<std::size_t>(verdict);
  return index < kVerdicts.size() ? kVerdicts[index] : "unknown";
}

std::optional<Verdict> verdict_from(std::string_view name) {
  const auto it = std::find(kVerdicts.begin(), kVerdicts.end(), name);
  if (it == kVerdicts.end()) return std::nullopt;
  return static_cast<Verdict>(it - kVerdicts.begin());
}

std::string_view to_string(FileKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : "unknown";
}

std::optional<FileKind> file_kind_from(std::string_view name) {
  const auto it = std::find(kKinds.begin(), kKinds.end(), name);
  if (it == kKinds.end()) return std::nullopt;
  return static_cast<FileKind>(it - kKinds.begin());
}

const Value* FileReport::value(std::string_view name) const {
  const auto it =
      std::find_if(values.begin(), values.end(), [&](const auto& each) { return each.first == name; });
  return it == values.end() ? nullptr : &it->second;
}

std::optional<double> FileReport::number(std::string_view name) const {
  const Value* found = value(name);
  if (found == nullptr || !std::holds_alternative<double>(*found)) return std::nullopt;
  return std::get<double>(*found);
}

}  // namespace redflag::tensors
