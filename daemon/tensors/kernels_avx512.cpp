// Compiled with AVX-512 switched on: nothing of the standard library may be instantiated here, or the linker
// could take that copy for processors that lack it.
#include "daemon/tensors/kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>

#include "daemon/tensors/avx512_total.h"

namespace redflag::tensors {
namespace {

struct Load32 {
  static constexpr std::size_t kSize = 4;
  static __m512 at(const std::uint8_t* p) { return _mm512_loadu_ps(p); }
};
struct LoadBfloat {
  static constexpr std::size_t kSize = 2;
  static __m512 at(const std::uint8_t* p) {
    const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(raw), 16));
  }
};
struct LoadHalf {
  static constexpr std::size_t kSize = 2;
  static __m512 at(const std::uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
};

template <typename Load>
void sums(const std::uint8_t* p, std::size_t count, double pivot, BlockSums* out) {
  const __m512 about = _mm512_set1_ps(static_cast<float>(pivot));
  const __m512 zero = _mm512_setzero_ps();
  __m512 sum[4] = {zero, zero, zero, zero};
  __m512 squares[4] = {zero, zero, zero, zero};
  __m512 low = _mm512_set1_ps(__builtin_inff());
  __m512 high = _mm512_set1_ps(-__builtin_inff());
  unsigned long long zeros = 0;
  for (std::size_t i = 0; i < count; i += 64, p += 64 * Load::kSize) {
    const __m512 a = Load::at(p);
    const __m512 b = Load::at(p + 16 * Load::kSize);
    const __m512 c = Load::at(p + 32 * Load::kSize);
    const __m512 d = Load::at(p + 48 * Load::kSize);
    low = _mm512_min_ps(low, _mm512_min_ps(_mm512_min_ps(a, b), _mm512_min_ps(c, d)));
    high = _mm512_max_ps(high, _mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d)));
    const unsigned long long ab = static_cast<unsigned long long>(_mm512_cmp_ps_mask(a, zero, _CMP_EQ_OQ)) |
                                  static_cast<unsigned long long>(_mm512_cmp_ps_mask(b, zero, _CMP_EQ_OQ))
                                      << 16;
    const unsigned long long cd = static_cast<unsigned long long>(_mm512_cmp_ps_mask(c, zero, _CMP_EQ_OQ)) |
                                  static_cast<unsigned long long>(_mm512_cmp_ps_mask(d, zero, _CMP_EQ_OQ))
                                      << 16;
    zeros += static_cast<unsigned long long>(__builtin_popcountll(ab | cd << 32));
    const __m512 da = _mm512_sub_ps(a, about);
    const __m512 db = _mm512_sub_ps(b, about);
    const __m512 dc = _mm512_sub_ps(c, about);
    const __m512 dd = _mm512_sub_ps(d, about);
    sum[0] = _mm512_add_ps(sum[0], da);
    sum[1] = _mm512_add_ps(sum[1], db);
    sum[2] = _mm512_add_ps(sum[2], dc);
    sum[3] = _mm512_add_ps(sum[3], dd);
    squares[0] = _mm512_fmadd_ps(da, da, squares[0]);
    squares[1] = _mm512_fmadd_ps(db, db, squares[1]);
    squares[2] = _mm512_fmadd_ps(dc, dc, squares[2]);
    squares[3] = _mm512_fmadd_ps(dd, dd, squares[3]);
  }
  out->min = static_cast<double>(_mm512_reduce_min_ps(low));
  out->max = static_cast<double>(_mm512_reduce_max_ps(high));
  out->sum = total(sum[0]) + total(sum[1]) + total(sum[2]) + total(sum[3]);
  out->squares = total(squares[0]) + total(squares[1]) + total(squares[2]) + total(squares[3]);
  out->zeros = zeros;
}

void float64(const std::uint8_t* p, std::size_t count, double pivot, BlockSums* out) {
  const __m512d about = _mm512_set1_pd(pivot);
  const __m512d zero = _mm512_setzero_pd();
  __m512d sum[2] = {zero, zero};
  __m512d squares[2] = {zero, zero};
  __m512d low = _mm512_set1_pd(__builtin_inf());
  __m512d high = _mm512_set1_pd(-__builtin_inf());
  unsigned long long zeros = 0;
  for (std::size_t i = 0; i < count; i += 16, p += 128) {
    const __m512d a = _mm512_loadu_pd(p);
    const __m512d b = _mm512_loadu_pd(p + 64);
    low = _mm512_min_pd(low, _mm512_min_pd(a, b));
    high = _mm512_max_pd(high, _mm512_max_pd(a, b));
    zeros += static_cast<unsigned long long>(
        __builtin_popcount(static_cast<unsigned>(_mm512_cmp_pd_mask(a, zero, _CMP_EQ_OQ)) |
                           static_cast<unsigned>(_mm512_cmp_pd_mask(b, zero, _CMP_EQ_OQ)) << 8));
    const __m512d da = _mm512_sub_pd(a, about);
    const __m512d db = _mm512_sub_pd(b, about);
    sum[0] = _mm512_add_pd(sum[0], da);
    sum[1] = _mm512_add_pd(sum[1], db);
    squares[0] = _mm512_fmadd_pd(da, da, squares[0]);
    squares[1] = _mm512_fmadd_pd(db, db, squares[1]);
  }
  out->min = _mm512_reduce_min_pd(low);
  out->max = _mm512_reduce_max_pd(high);
  out->sum = _mm512_reduce_add_pd(_mm512_add_pd(sum[0], sum[1]));
  out->squares = _mm512_reduce_add_pd(_mm512_add_pd(squares[0], squares[1]));
  out->zeros = zeros;
}

void hash(std::uint64_t state[8], const std::uint8_t* p, std::size_t stripes, std::uint64_t first) {
  __m512i sums = _mm512_loadu_si512(state);
  const __m512i keys = _mm512_loadu_si512(kHashKeys);
  const __m512i step = _mm512_set1_epi64(static_cast<long long>(kHashStep));
  const __m512i prime = _mm512_set1_epi64(static_cast<long long>(kHashPrime));
  __m512i key = _mm512_add_epi64(keys, _mm512_set1_epi64(static_cast<long long>(first * kHashStep)));
  for (std::size_t s = 0; s < stripes; ++s, p += 64) {
    const __m512i v = _mm512_loadu_si512(p);
    const __m512i mixed = _mm512_xor_si512(v, key);
    key = _mm512_add_epi64(key, step);
    sums =
        _mm512_add_epi64(sums, _mm512_shuffle_epi32(v, static_cast<_MM_PERM_ENUM>(_MM_SHUFFLE(1, 0, 3, 2))));
    sums = _mm512_add_epi64(sums, _mm512_mul_epu32(mixed, _mm512_srli_epi64(mixed, 32)));
    if ((first + s + 1) % kStripesToScramble != 0) continue;
    sums = _mm512_xor_si512(_mm512_xor_si512(sums, _mm512_srli_epi64(sums, 47)), keys);
    sums = _mm512_mullo_epi64(sums, prime);
  }
  _mm512_storeu_si512(state, sums);
}

}  // namespace

const Kernels kAvx512Kernels{"avx512", sums<Load32>, sums<LoadBfloat>, sums<LoadHalf>, float64, hash};

}  // namespace redflag::tensors
#endif
