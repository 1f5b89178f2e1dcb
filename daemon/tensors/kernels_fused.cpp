// Compiled with AVX-512 and VPCLMULQDQ: nothing of the standard library may be instantiated here (see
// kernels_avx512.cpp).
//
// The checksum is folded as in "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Gopal et al.,
// Intel, 2009), four registers of 512 bits at a time; its ports stand idle in the arithmetic of the
// statistics and the hash, so it costs little.
#include "daemon/tensors/fused_scan.h"

#if defined(__VPCLMULQDQ__) && defined(__AVX512F__)
#include <immintrin.h>

#include "daemon/tensors/avx512_total.h"

namespace redflag::tensors {
namespace {

struct Load32 {
  static constexpr std::size_t kPerRegister = 16;  // numbers of one 64-byte register
  static constexpr std::size_t kParts = 1;
  static __m512 part(__m512i raw, std::size_t) { return _mm512_castsi512_ps(raw); }
};
struct LoadBfloat {
  static constexpr std::size_t kPerRegister = 32;
  static constexpr std::size_t kParts = 2;
  static __m512 part(__m512i raw, std::size_t which) {
    // Even and odd ones: their order does not matter to sums.
    return _mm512_castsi512_ps(which == 0 ? _mm512_slli_epi32(raw, 16)
                                          : _mm512_and_si512(raw, _mm512_set1_epi32(-65536)));
  }
};
struct LoadHalf {
  static constexpr std::size_t kPerRegister = 32;
  static constexpr std::size_t kParts = 2;
  static __m512 part(__m512i raw, std::size_t which) {
    return _mm512_cvtph_ps(which == 0 ? _mm512_castsi512_si256(raw) : _mm512_extracti64x4_epi64(raw, 1));
  }
};

template <typename Load, bool WithCrc>
void fused(FusedState* state, const std::uint8_t* p, std::size_t count, double pivot, BlockSums* out) {
  const __m512 about = _mm512_set1_ps(static_cast<float>(pivot));
  const __m512 zero = _mm512_setzero_ps();
  __m512 sum[4] = {zero, zero, zero, zero};
  __m512 squares[4] = {zero, zero, zero, zero};
  __m512 low = _mm512_set1_ps(__builtin_inff());
  __m512 high = _mm512_set1_ps(-__builtin_inff());
  unsigned long long zeros = 0;

  const __m512i keys = _mm512_loadu_si512(kHashKeys);
  const __m512i step = _mm512_set1_epi64(static_cast<long long>(kHashStep));
  const __m512i prime = _mm512_set1_epi64(static_cast<long long>(kHashPrime));
  __m512i hash = _mm512_load_si512(state->hash);
  __m512i key = _mm512_add_epi64(keys, _mm512_set1_epi64(static_cast<long long>(state->stripes * kHashStep)));

  // x^(2048+32) and x^(2048-32) modulo the polynomial of ISO 3309, bits reflected.
  const __m512i factors = _mm512_set_epi64(0x01322d1430, 0x011542778a, 0x01322d1430, 0x011542778a,
                                           0x01322d1430, 0x011542778a, 0x01322d1430, 0x011542778a);
  __m512i fold[4];
  if constexpr (WithCrc) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k) fold[k] = _mm512_load_si512(state->fold + 64 * k);
  }

  const std::size_t rounds = count / (4 * Load::kPerRegister);
  for (std::size_t round = 0; round < rounds; ++round, p += 256) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k) {
      const __m512i raw = _mm512_loadu_si512(p + 64 * k);
      const __m512i mixed = _mm512_xor_si512(raw, key);
      key = _mm512_add_epi64(key, step);
      hash = _mm512_add_epi64(hash,
                              _mm512_shuffle_epi32(raw, static_cast<_MM_PERM_ENUM>(_MM_SHUFFLE(1, 0, 3, 2))));
      hash = _mm512_add_epi64(hash, _mm512_mul_epu32(mixed, _mm512_srli_epi64(mixed, 32)));
      if constexpr (WithCrc) {
        const __m512i a = _mm512_clmulepi64_epi128(fold[k], factors, 0x00);
        const __m512i b = _mm512_clmulepi64_epi128(fold[k], factors, 0x11);
        fold[k] = _mm512_ternarylogic_epi64(a, b, raw, 0x96);
      }
#pragma GCC unroll 2
      for (std::size_t h = 0; h < Load::kParts; ++h) {
        const __m512 v = Load::part(raw, h);
        low = _mm512_min_ps(low, v);
        high = _mm512_max_ps(high, v);
        zeros += static_cast<unsigned long long>(__builtin_popcount(_mm512_cmp_ps_mask(v, zero, _CMP_EQ_OQ)));
        const __m512 d = _mm512_sub_ps(v, about);
        sum[k] = _mm512_add_ps(sum[k], d);
        squares[k] = _mm512_fmadd_ps(d, d, squares[k]);
      }
    }
    if ((state->stripes + 4 * (round + 1)) % kStripesToScramble == 0) {
      hash = _mm512_xor_si512(_mm512_xor_si512(hash, _mm512_srli_epi64(hash, 47)), keys);
      hash = _mm512_mullo_epi64(hash, prime);
    }
  }
  _mm512_store_si512(state->hash, hash);
  state->stripes += 4 * rounds;
  if constexpr (WithCrc) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k) _mm512_store_si512(state->fold + 64 * k, fold[k]);
    state->folding = true;
  }
  out->min = static_cast<double>(_mm512_reduce_min_ps(low));
  out->max = static_cast<double>(_mm512_reduce_max_ps(high));
  out->sum = total(sum[0]) + total(sum[1]) + total(sum[2]) + total(sum[3]);
  out->squares = total(squares[0]) + total(squares[1]) + total(squares[2]) + total(squares[3]);
  out->zeros = zeros;
}

}  // namespace

extern const FusedKernels kFusedKernels;
const FusedKernels kFusedKernels{{fused<Load32, false>, fused<Load32, true>},
                                 {fused<LoadBfloat, false>, fused<LoadBfloat, true>},
                                 {fused<LoadHalf, false>, fused<LoadHalf, true>}};

}  // namespace redflag::tensors
#endif
