// Element types of tensors as torch.save, safetensors and numpy name them.
// Names: torch/serialization.py (storages), https://github.com/huggingface/safetensors (dtypes), numpy's type
// strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace redflag::tensors {

enum class DType : std::uint8_t {
  float64,
  float32,
  float16,
  bfloat16,
  float8_e4m3,
  float8_e5m2,
  float8_e4m3fnuz,
  float8_e5m2fnuz,
  float8_e8m0,
  complex32,  ///< pairs of float16, counted as two numbers each; so are the other complex types
  complex64,
  complex128,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  boolean,
  opaque8,   ///< bytes without a number in them: quantised 8-bit, 4-bit and the like
  opaque32,  ///< quantised 32-bit
};

/// "float32", "bfloat16", …: torch's name without "torch.".
std::string_view to_string(DType type);
/// Bytes of one element.
std::uint64_t size_of(DType type);
/// Can it hold NaN or infinities?
bool is_floating(DType type);

/// "FloatStorage", "BFloat16Storage", …; UntypedStorage is bytes (uint8).
std::optional<DType> dtype_of_storage(std::string_view name);
/// "float32", "torch.float32", "bfloat16", "float8_e4m3fn", "half", …: the names of torch's dtype objects.
std::optional<DType> dtype_of_torch(std::string_view name);
/// "F32", "BF16", "I64", "F8_E4M3", …
std::optional<DType> dtype_of_safetensors(std::string_view name);
/// "f4", "i8", "b1", "c8", …: numpy's kind and size, without byte order.
std::optional<DType> dtype_of_numpy(std::string_view name);

}  // namespace redflag::tensors
