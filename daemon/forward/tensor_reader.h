// Bytes of a file as tensors of LibTorch, a block of rows at a time.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include <ATen/core/Tensor.h>

#include "daemon/forward/checkpoint.h"

namespace redflag::forward {

/// A file that ended early, an element type that is not computed with, a tensor over the limit. Thrown inside
/// the torch part only, where LibTorch throws as well; the commands turn it into their report.
class ReadProblem : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads tensors in their stored type and gives them as float32 (or float64). Not thread-safe: buffers are
/// used again.
class TensorReader {
 public:
  /// A tensor that has to be read whole may take `limit_bytes`, counted in both types.
  explicit TensorReader(std::uint64_t limit_bytes, at::ScalarType type = at::kFloat)
      : limit_bytes_(limit_bytes), type_(type) {}

  /// Rows [first, first + count) of a tensor as [count, rest of the dimensions in one]. The result is valid
  /// until the next call, which uses its memory again.
  at::Tensor rows(const Located& tensor, std::int64_t first, std::int64_t count);
  /// The whole tensor in its shape, in memory of its own.
  at::Tensor whole(const Located& tensor);

  /// How many rows make a block that stays in the processor's cache.
  static std::int64_t rows_per_block(const Located& tensor);

 private:
  void check_limit(const Located& tensor, std::uint64_t bytes) const;
  at::Tensor strided(const Located& tensor);
  at::Tensor buffer(at::Tensor& kept, std::int64_t elements, at::ScalarType type);

  std::uint64_t limit_bytes_;
  at::ScalarType type_;
  at::Tensor raw_;
  at::Tensor converted_;
};

/// Bytes that reading `tensor` whole takes at most, as it is stored and converted; saturates.
std::uint64_t bytes_when_whole(const Located& tensor);

}  // namespace redflag::forward
