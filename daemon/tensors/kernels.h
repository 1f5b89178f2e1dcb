// The inner loops: sums over a block of numbers, and a hash over a run of bytes. Three versions of each
// (plain, AVX2, AVX-512), chosen once by what the processor has; all give the same hash, and the same sums
// but for rounding.
//
// Sums are taken about a pivot near the mean, so that a small spread far from zero is not lost to rounding.
// They are of float32 within a block and of double beyond. A block whose squares are not finite (NaN,
// infinity, overflow) is done again by the plain version in double, which also counts: such blocks are rare,
// and the fast path need not look for them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redflag::tensors {

constexpr std::size_t kBlock = 2048;  ///< numbers; what one call of a sums kernel gets, or fewer

struct BlockSums {
  double min = 0, max = 0;
  double sum = 0, squares = 0;  ///< of (x - pivot)
  std::uint64_t zeros = 0;
};

struct Kernels {
  const char* name;
  /// `count` is a multiple of 64, not 0. The bytes need no alignment.
  void (*float32)(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out);
  void (*bfloat16)(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out);
  void (*float16)(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out);
  void (*float64)(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out);
  /// Takes `stripes` * 64 bytes into `state`; `first` is the number of stripes that went before.
  void (*hash)(std::uint64_t state[8], const std::uint8_t* bytes, std::size_t stripes, std::uint64_t first);
};

/// Constants of the hash, the same in all versions. Form: XXH3's accumulation (Collet), with keys that move
/// with the position.
constexpr std::uint64_t kHashKeys[8] = {0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de,
                                        0x1f67b3b7a4a44072, 0x78e5c0cc4ee679cb, 0x2172ffcc7dd05a82,
                                        0x8e2443f7744608b8, 0x4c263a81e69035e0};
constexpr std::uint64_t kHashStep = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kHashPrime = 0x9e3779b1;
constexpr std::uint64_t kStripesToScramble = 16;

extern const Kernels kPlainKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

/// The fastest that this processor has. REDFLAG_KERNELS=plain|avx2|avx512 in the environment asks for a
/// lesser one.
const Kernels& best_kernels();

}  // namespace redflag::tensors
