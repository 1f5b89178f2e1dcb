// The entries of a zip as torch.save writes it: stored; only TorchScript's code is compressed. Both records
// of each entry (central directory and local header) have to agree, and no two entries may share bytes.
// Format: APPNOTE.TXT 4.3; zip64 understood.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

struct ZipEntry {
  std::string name;
  std::uint64_t data = 0;  ///< where its bytes begin in the file
  std::uint64_t bytes = 0;
  bool compressed = false;  ///< deflated; allowed for TorchScript's code alone
  std::uint64_t full = 0;   ///< bytes when unpacked; equal to `bytes` of what is stored
  std::uint32_t crc = 0;    ///< CRC-32 as stored; 0 in all entries when the writer switched it off
};

/// In the order of the file. At most 200,000 entries.
tl::expected<std::vector<ZipEntry>, ReadFailure> read_zip_directory(const ByteSource& source);

/// "truncated: WHY; 4,096 of 205,980 bytes": with what the headers at the front say the file should have
/// been.
ReadFailure truncated_zip(const ByteSource& source, const std::string& why);

}  // namespace redflag::tensors
