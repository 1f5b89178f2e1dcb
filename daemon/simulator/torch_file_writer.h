// Writes genuine small tensor files, so that the demo and the tests need no Python: torch.save's zip layout
// and safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon {

struct FloatTensor {
  std::vector<std::int64_t> shape;  ///< each ≥ 0; empty = a scalar
  std::vector<float> values;        ///< row by row; as many as the shape says
};

/// The bytes that torch 2.x's `torch.save(tensor, "NAME.pt")` writes for one contiguous float32 CPU tensor:
/// stored zip entries aligned to 64 bytes, data.pkl, byteorder, data/0, version, .data/serialization_id,
/// zip64 end records. `name` is the file's stem. Errors: invalid_input (shape and values disagree, odd name),
/// too_large (2 GiB and more).
Result<std::string> torch_file(std::string_view name, const FloatTensor& tensor);

/// A .safetensors file with these float32 tensors (format: github.com/huggingface/safetensors). Errors:
/// invalid_input.
Result<std::string> safetensors_file(const std::map<std::string, FloatTensor>& tensors);

/// Number of elements; nullopt for a negative size or more than 2^40.
std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape);

}  // namespace redflag::daemon
