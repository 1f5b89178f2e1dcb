#include "daemon/tensors/fused_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace redflag::tensors {

#if defined(__x86_64__)
extern const FusedKernels kFusedKernels;
#endif

const FusedKernels* fused_kernels() {
#if defined(__x86_64__)
  static const bool able = &best_kernels() == &kAvx512Kernels && __builtin_cpu_supports("vpclmulqdq");
  return able ? &kFusedKernels : nullptr;
#else
  return nullptr;
#endif
}

FusedScan::FusedScan(std::optional<DType> dtype, bool checksum, bool hash, const FusedKernels* kernels)
    : dtype_(dtype), checksum_(checksum), hash_(hash) {
  std::memcpy(state_.hash, kHashKeys, sizeof kHashKeys);
  std::memset(state_.fold, 0, sizeof state_.fold);
  if (kernels == nullptr || !dtype || !hash) return;
  const std::size_t which = checksum ? 1 : 0;
  if (*dtype == DType::float32 || *dtype == DType::complex64) {
    kernel_ = kernels->float32[which];
  } else if (*dtype == DType::bfloat16) {
    kernel_ = kernels->bfloat16[which];
    width_ = 2;
  } else if (*dtype == DType::float16 || *dtype == DType::complex32) {
    kernel_ = kernels->float16[which];
    width_ = 2;
  }
}

void FusedScan::add(const std::uint8_t* bytes, std::size_t length) {
  const std::size_t block = kBlock * width_;
  const std::size_t whole = kernel_ == nullptr ? 0 : length / block * block;
  if (whole != 0 && !pivot_) pivot_ = pivot_of(*dtype_, bytes, length);
  PivotSums fast;
  for (std::size_t at = 0; at < whole; at += block) {
    BlockSums found;
    kernel_(&state_, bytes + at, kBlock, *pivot_, &found);
    if (std::isfinite(found.squares)) {
      fast.add(found, kBlock);
    } else {
      moments_.merge(moments_of(*dtype_, bytes + at, block, pivot_));
    }
  }
  if (whole != 0) moments_.merge(fast.moments(*pivot_));
  if (whole < length) add_apart(bytes + whole, length - whole);
}

void FusedScan::add_apart(const std::uint8_t* bytes, std::size_t length) {
  if (checksum_) {
    unfold();
    crc_ = crc32_of(crc_, bytes, length);
  }
  if (hash_) {
    if (kernel_ != nullptr && !ended_) content_.resume(state_.hash, state_.stripes);
    content_.add(bytes, length);
    ended_ = true;
  }
  if (dtype_) moments_.merge(moments_of(*dtype_, bytes, length, pivot_));
}

void FusedScan::unfold() {
  crc_ = checksum();
  state_.folding = false;
}

std::uint32_t FusedScan::checksum() const {
  if (!state_.folding) return crc_;
  // The fold begins with a register of zeros, a CRC-32 with one of ones. They differ by what the ones become
  // on the way, which only the length decides.
  const std::uint32_t from_zeros = ~crc32_of(0xffffffffU, state_.fold, sizeof state_.fold);
  return from_zeros ^ crc32_joined(0xffffffffU, 0xffffffffU, state_.stripes * 64);
}

std::uint64_t FusedScan::hash() const {
  if (kernel_ == nullptr || ended_) return content_.value();
  ContentHash out;
  out.resume(state_.hash, state_.stripes);
  return out.value();
}

}  // namespace redflag::tensors
