// Compiled with AVX2, FMA and F16C switched on: nothing of the standard library may be instantiated here, or
// the linker could take that copy for processors that lack them.
#include "daemon/tensors/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace redflag::tensors {
namespace {

struct Load32 {
  static constexpr std::size_t kSize = 4;
  static __m256 at(const std::uint8_t* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
};
struct LoadBfloat {
  static constexpr std::size_t kSize = 2;
  static __m256 at(const std::uint8_t* p) {
    const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
  }
};
struct LoadHalf {
  static constexpr std::size_t kSize = 2;
  static __m256 at(const std::uint8_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

double total(__m256d v) {
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

double total(__m256 v) {
  return total(_mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v)),
                             _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))));
}

/// Once in 2,048 numbers: no need to be clever.
template <typename Vector, typename Number, bool Smallest>
double extreme(Vector v) {
  Number lanes[sizeof(Vector) / sizeof(Number)];
  __builtin_memcpy(lanes, &v, sizeof v);
  Number found = lanes[0];
  for (const Number each : lanes) {
    if (Smallest ? each < found : each > found) found = each;
  }
  return static_cast<double>(found);
}

template <typename Load>
void sums(const std::uint8_t* p, std::size_t count, double pivot, BlockSums* out) {
  const __m256 about = _mm256_set1_ps(static_cast<float>(pivot));
  const __m256 zero = _mm256_setzero_ps();
  __m256 sum[4] = {zero, zero, zero, zero};
  __m256 squares[4] = {zero, zero, zero, zero};
  __m256 low = _mm256_set1_ps(__builtin_inff());
  __m256 high = _mm256_set1_ps(-__builtin_inff());
  __m256i zeros = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; i += 32, p += 32 * Load::kSize) {
    __m256 v[4];
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k) {
      v[k] = Load::at(p + k * 8 * Load::kSize);
      zeros = _mm256_sub_epi32(zeros, _mm256_castps_si256(_mm256_cmp_ps(v[k], zero, _CMP_EQ_OQ)));
      const __m256 d = _mm256_sub_ps(v[k], about);
      sum[k] = _mm256_add_ps(sum[k], d);
      squares[k] = _mm256_fmadd_ps(d, d, squares[k]);
    }
    low = _mm256_min_ps(low, _mm256_min_ps(_mm256_min_ps(v[0], v[1]), _mm256_min_ps(v[2], v[3])));
    high = _mm256_max_ps(high, _mm256_max_ps(_mm256_max_ps(v[0], v[1]), _mm256_max_ps(v[2], v[3])));
  }
  std::uint32_t lanes[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), zeros);
  out->zeros = 0;
  for (const std::uint32_t each : lanes) out->zeros += each;
  out->min = extreme<__m256, float, true>(low);
  out->max = extreme<__m256, float, false>(high);
  out->sum = total(sum[0]) + total(sum[1]) + total(sum[2]) + total(sum[3]);
  out->squares = total(squares[0]) + total(squares[1]) + total(squares[2]) + total(squares[3]);
}

void float64(const std::uint8_t* p, std::size_t count, double pivot, BlockSums* out) {
  const __m256d about = _mm256_set1_pd(pivot);
  const __m256d zero = _mm256_setzero_pd();
  __m256d sum[2] = {zero, zero};
  __m256d squares[2] = {zero, zero};
  __m256d low = _mm256_set1_pd(__builtin_inf());
  __m256d high = _mm256_set1_pd(-__builtin_inf());
  __m256i zeros = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; i += 8, p += 64) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 2; ++k) {
      const __m256d v = _mm256_loadu_pd(reinterpret_cast<const double*>(p + k * 32));
      low = _mm256_min_pd(low, v);
      high = _mm256_max_pd(high, v);
      zeros = _mm256_sub_epi64(zeros, _mm256_castpd_si256(_mm256_cmp_pd(v, zero, _CMP_EQ_OQ)));
      const __m256d d = _mm256_sub_pd(v, about);
      sum[k] = _mm256_add_pd(sum[k], d);
      squares[k] = _mm256_fmadd_pd(d, d, squares[k]);
    }
  }
  std::uint64_t lanes[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), zeros);
  out->zeros = lanes[0] + lanes[1] + lanes[2] + lanes[3];
  out->min = extreme<__m256d, double, true>(low);
  out->max = extreme<__m256d, double, false>(high);
  out->sum = total(_mm256_add_pd(sum[0], sum[1]));
  out->squares = total(_mm256_add_pd(squares[0], squares[1]));
}

void hash(std::uint64_t state[8], const std::uint8_t* p, std::size_t stripes, std::uint64_t first) {
  const __m256i step = _mm256_set1_epi64x(static_cast<long long>(kHashStep));
  const __m256i prime = _mm256_set1_epi64x(static_cast<long long>(kHashPrime));
  const __m256i start = _mm256_set1_epi64x(static_cast<long long>(first * kHashStep));
  __m256i sums[2], keys[2], key[2];
#pragma GCC unroll 2
  for (std::size_t h = 0; h < 2; ++h) {
    sums[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(state) + h);
    keys[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kHashKeys) + h);
    key[h] = _mm256_add_epi64(keys[h], start);
  }
  for (std::size_t s = 0; s < stripes; ++s, p += 64) {
    const bool scramble = (first + s + 1) % kStripesToScramble == 0;
#pragma GCC unroll 2
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + h);
      const __m256i mixed = _mm256_xor_si256(v, key[h]);
      key[h] = _mm256_add_epi64(key[h], step);
      sums[h] = _mm256_add_epi64(sums[h], _mm256_shuffle_epi32(v, _MM_SHUFFLE(1, 0, 3, 2)));
      sums[h] = _mm256_add_epi64(sums[h], _mm256_mul_epu32(mixed, _mm256_srli_epi64(mixed, 32)));
      if (!scramble) continue;
      const __m256i x = _mm256_xor_si256(_mm256_xor_si256(sums[h], _mm256_srli_epi64(sums[h], 47)), keys[h]);
      // 64 by 32 bits: the low product and the high one, moved up.
      sums[h] = _mm256_add_epi64(_mm256_mul_epu32(x, prime),
                                 _mm256_slli_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), prime), 32));
    }
  }
#pragma GCC unroll 2
  for (std::size_t h = 0; h < 2; ++h) _mm256_storeu_si256(reinterpret_cast<__m256i*>(state) + h, sums[h]);
}

}  // namespace

const Kernels kAvx2Kernels{"avx2", sums<Load32>, sums<LoadBfloat>, sums<LoadHalf>, float64, hash};

}  // namespace redflag::tensors
#endif
