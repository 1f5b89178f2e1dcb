#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

#include "daemon/tensors/kernels.h"
#include "daemon/tensors/numbers.h"

namespace redflag::tensors {
namespace {

template <typename Raw, typename Decode>
void sums(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out, Decode decode) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  double sum = 0, squares = 0;
  std::uint64_t zeros = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Raw raw;
    std::memcpy(&raw, bytes + i * sizeof(Raw), sizeof(Raw));
    const double x = decode(raw);
    const double d = x - pivot;
    low = std::min(low, x);
    high = std::max(high, x);
    sum += d;
    squares += d * d;
    zeros += x == 0 ? 1 : 0;
  }
  *out = {low, high, sum, squares, zeros};
}

void plain_float32(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out) {
  sums<float>(bytes, count, pivot, out, [](float x) { return static_cast<double>(x); });
}
void plain_bfloat16(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out) {
  sums<std::uint16_t>(bytes, count, pivot, out,
                      [](std::uint16_t x) { return static_cast<double>(float_from_bfloat16(x)); });
}
void plain_float16(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out) {
  sums<std::uint16_t>(bytes, count, pivot, out,
                      [](std::uint16_t x) { return static_cast<double>(float_from_half(x)); });
}
void plain_float64(const std::uint8_t* bytes, std::size_t count, double pivot, BlockSums* out) {
  sums<double>(bytes, count, pivot, out, [](double x) { return x; });
}

void plain_hash(std::uint64_t state[8], const std::uint8_t* bytes, std::size_t stripes, std::uint64_t first) {
  for (std::size_t s = 0; s < stripes; ++s) {
    const std::uint64_t position = first + s;
    std::uint64_t lanes[8];
    std::memcpy(lanes, bytes + s * 64, 64);
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint64_t mixed = lanes[i] ^ (kHashKeys[i] + position * kHashStep);
      state[i ^ 1U] += lanes[i];
      state[i] += (mixed & 0xffffffffU) * (mixed >> 32);
    }
    if ((position + 1) % kStripesToScramble != 0) continue;
    for (std::size_t i = 0; i < 8; ++i) state[i] = (state[i] ^ state[i] >> 47 ^ kHashKeys[i]) * kHashPrime;
  }
}

}  // namespace

const Kernels kPlainKernels{"plain", plain_float32, plain_bfloat16, plain_float16, plain_float64, plain_hash};

const Kernels& best_kernels() {
  static const Kernels& best = []() -> const Kernels& {
    const char* asked = std::getenv("REDFLAG_KERNELS");
    const std::string_view limit = asked == nullptr ? "avx512" : asked;
#if defined(__x86_64__)
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (limit == "avx512" && wide) return kAvx512Kernels;
    // Every processor with AVX2 and FMA has F16C.
    const bool middle = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if ((limit == "avx512" || limit == "avx2") && middle) return kAvx2Kernels;
#endif
    return kPlainKernels;
  }();
  return best;
}

}  // namespace redflag::tensors
