// Checksum, content hash and statistics of one run of bytes, in one pass over them where the processor can
// (AVX-512 with VPCLMULQDQ), in three passes through the cache where it cannot. The results are the same but
// for rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/tensors/checksum.h"
#include "daemon/tensors/dtype.h"
#include "daemon/tensors/moments.h"

namespace redflag::tensors {

struct FusedState {
  alignas(64) std::uint64_t hash[8];   ///< as ContentHash
  std::uint64_t stripes = 0;           ///< of 64 bytes, that went into the hash
  alignas(64) std::uint8_t fold[256];  ///< 2,048 bits with the same CRC as all that went in
  bool folding = false;                ///< `fold` holds something
};

/// `count` numbers, a multiple of 128; both the hash and, for with_crc, the checksum go on from `state`.
struct FusedKernels {
  using Kernel = void (*)(FusedState* state, const std::uint8_t* bytes, std::size_t count, double pivot,
                          BlockSums* out);
  Kernel float32[2];  ///< without and with checksum
  Kernel bfloat16[2];
  Kernel float16[2];
};

/// nullptr where the processor (or REDFLAG_KERNELS) has none.
const FusedKernels* fused_kernels();

class FusedScan {
 public:
  /// No numbers without a dtype.
  FusedScan(std::optional<DType> dtype, bool checksum, bool hash,
            const FusedKernels* kernels = fused_kernels());

  /// All but the last call take a multiple of 8,192 bytes.
  void add(const std::uint8_t* bytes, std::size_t length);
  std::uint32_t checksum() const;
  std::uint64_t hash() const;
  const Moments& moments() const { return moments_; }

 private:
  void add_apart(const std::uint8_t* bytes, std::size_t length);
  /// The fold as a checksum, to go on from byte by byte.
  void unfold();

  std::optional<DType> dtype_;
  bool checksum_, hash_;
  FusedKernels::Kernel kernel_ = nullptr;
  std::size_t width_ = 4;  ///< of a number the kernel reads
  FusedState state_;
  std::uint32_t crc_ = 0;
  ContentHash content_;
  bool ended_ = false;  ///< the hash is in content_, not in state_
  Moments moments_;
  Pivot pivot_;
};

}  // namespace redflag::tensors
