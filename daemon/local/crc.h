// Checksums of log files: zlib's CRC-32 (W&B) and CRC-32C, masked as in TFRecord (TensorBoard).
#pragma once

#include <cstdint>
#include <string_view>

namespace redflag::daemon::local {

/// CRC-32 (ISO 3309) of `bytes` after those that gave `before` (0 at the beginning).
std::uint32_t crc32(std::uint32_t before, std::string_view bytes);

/// CRC-32C (Castagnoli). Uses the processor's instruction where there is one.
std::uint32_t crc32c(std::string_view bytes);

/// TFRecord: rotated and shifted, so that a checksum of data that holds a checksum is no special case.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace redflag::daemon::local
