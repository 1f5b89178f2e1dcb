#include "daemon/tensors/checksum.h"

#include <cstring>

#ifndef REDFLAG_STATIC
#include <isa-l/crc.h>
#endif
#include <zlib.h>

#include "daemon/tensors/kernels.h"

namespace redflag::tensors {

std::uint32_t crc32_of(std::uint32_t before, const std::uint8_t* bytes, std::size_t length) {
#ifdef REDFLAG_STATIC
  // Debian has no static archive of ISA-L; zlib's own is slower and gives the same.
  return static_cast<std::uint32_t>(::crc32_z(before, bytes, length));
#else
  return ::crc32_gzip_refl(before, bytes, length);
#endif
}

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t length) {
  return static_cast<std::uint32_t>(::crc32_combine64(first, second, static_cast<z_off64_t>(length)));
}

ContentHash::ContentHash() {
  std::memcpy(state_.data(), kHashKeys, sizeof kHashKeys);
}

void ContentHash::add(const std::uint8_t* bytes, std::size_t length) {
  const std::size_t stripes = length / 64;
  const Kernels& kernels = best_kernels();
  kernels.hash(state_.data(), bytes, stripes, length_ / 64);
  length_ += length;
  const std::size_t rest = length % 64;
  if (rest == 0) return;
  std::uint8_t last[64] = {};
  std::memcpy(last, bytes + stripes * 64, rest);
  kernels.hash(state_.data(), last, 1, length_ / 64);
}

void ContentHash::resume(const std::uint64_t state[8], std::uint64_t stripes) {
  std::memcpy(state_.data(), state, sizeof state_);
  length_ = stripes * 64;
}

std::uint64_t ContentHash::value() const {
  std::uint64_t out = mix_hash(0, length_);
  for (const std::uint64_t each : state_) out = mix_hash(out, each);
  return out == 0 ? 1 : out;  // 0 means "not computed"
}

std::uint64_t mix_hash(std::uint64_t sum, std::uint64_t next) {
  // Murmur3's finaliser over a running product.
  std::uint64_t x = (sum ^ next) * 0x9fb21c651e98df25U + 0x9e3779b97f4a7c15U;
  x = (x ^ x >> 33) * 0xff51afd7ed558ccdU;
  x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53U;
  return x ^ x >> 33;
}

}  // namespace redflag::tensors
