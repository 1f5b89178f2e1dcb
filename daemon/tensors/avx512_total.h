// Sum of a register's floats, in double. Internal to the two files compiled with AVX-512.
#pragma once

#include <immintrin.h>

namespace redflag::tensors {
namespace {

inline double total(__m512 v) {
  const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
  const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
  return _mm512_reduce_add_pd(_mm512_add_pd(low, high));
}

}  // namespace
}  // namespace redflag::tensors
