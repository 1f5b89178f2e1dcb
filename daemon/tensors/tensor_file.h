// What a file of tensors holds, by its structure alone: where each tensor's bytes lie, and the plain values
// around them. Nothing in it is trusted: every offset and size was checked against the file when it was read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/tensors/byte_source.h"
#include "daemon/tensors/dtype.h"
#include "daemon/tensors/report.h"

namespace redflag::tensors {

/// A run of bytes of the file that tensors lie in.
struct StorageEntry {
  std::string key;           ///< torch's key ("0"), or the tensor's name in safetensors
  std::uint64_t offset = 0;  ///< in the file
  std::uint64_t bytes = 0;
  std::optional<DType> dtype;  ///< of all tensors in it; none: never looked at as numbers
};

struct TensorEntry {
  std::string
      name;  ///< path to it: "model.layers.0.mlp.up_proj.weight", "state.0.exp_avg", "" for a bare tensor
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements; empty: contiguous, last index fastest
  std::size_t storage = 0;            ///< index into TensorFile::storages
  std::uint64_t first = 0;            ///< element in the storage at which it begins
  bool opaque = false;                ///< quantised, sparse parts, …: its numbers do not mean what they say

  /// Product of the shape.
  std::uint64_t elements() const;
};

struct TensorFile {
  FileKind kind = FileKind::unknown;
  std::vector<StorageEntry> storages;
  std::vector<TensorEntry> tensors;  ///< in the file's order; two may share a storage (tied weights)
  std::vector<std::pair<std::string, Value>> values;
  std::vector<std::string>
      globals;  ///< "collections.OrderedDict": what the pickle asks for; listed, never resolved
  /// Calls of getattr that no honest pickle makes: not of a class by the name of a member.
  std::vector<std::string> doubtful_calls;
};

/// Why a file cannot be read further. `refused`: whole perhaps, but of a kind that is not read (deflated,
/// big-endian).
struct ReadFailure {
  Verdict verdict = Verdict::damaged;
  std::string
      reason;  ///< for people, with figures: "truncated: central directory missing; 4,096 of 205,980 bytes"
};

/// Reads the structure of a torch.save zip, a legacy torch file, TorchScript or safetensors, by its first
/// bytes. No tensor data is read but numbers of single-element tensors. Bounded memory and time whatever the
/// file.
tl::expected<TensorFile, ReadFailure> read_tensor_file(const ByteSource& source);

}  // namespace redflag::tensors
