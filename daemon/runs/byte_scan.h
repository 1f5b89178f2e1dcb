// Looking for one of a few bytes in a text, sixteen at a time where the machine has SSE2.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace redflag::daemon {

/// The first byte in [p, end) that is one of `kBytes`; `end`: there is none.
template <char... kBytes>
const char* first_of(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found = (_mm_cmpeq_epi8(bytes, _mm_set1_epi8(kBytes)) | ...);
    if (const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found)); bits != 0)
      return p + __builtin_ctz(bits);
  }
#endif
  while (p < end && ((*p != kBytes) && ...)) ++p;
  return p;
}

}  // namespace redflag::daemon
