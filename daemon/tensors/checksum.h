// CRC-32 of zip (ISO 3309, as zlib's) and the content hash: both of parts that are put together in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace redflag::tensors {

std::uint32_t crc32_of(std::uint32_t before, const std::uint8_t* bytes, std::size_t length);
/// The checksum of two parts one after the other, the second of `length` bytes.
std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t length);

/// 64 bits that differ for different contents as far as chance goes. Not against an adversary.
class ContentHash {
 public:
  ContentHash();
  /// All but the last call take a multiple of 64 bytes.
  void add(const std::uint8_t* bytes, std::size_t length);
  std::uint64_t value() const;
  /// Goes on from where somebody else has come, after so many stripes of 64 bytes.
  void resume(const std::uint64_t state[8], std::uint64_t stripes);

 private:
  std::array<std::uint64_t, 8> state_;
  std::uint64_t length_ = 0;
};

/// `next` follows `sum`; order matters.
std::uint64_t mix_hash(std::uint64_t sum, std::uint64_t next);

}  // namespace redflag::tensors
