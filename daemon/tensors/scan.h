// Every byte of a file of tensors read once: checksums of its parts, and statistics and hashes of its
// tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/tensors/inspect.h"
#include "daemon/tensors/moments.h"
#include "daemon/tensors/read_tensors.h"

namespace redflag::tensors {

struct TensorScan {
  std::optional<Moments> moments;  ///< none of opaque types, and of views too large to walk through
  std::uint64_t hash = 0;          ///< of its bytes; 0 for views that are not contiguous
};

struct ScanResult {
  std::vector<std::uint32_t> checksums;  ///< found, as in ReadTensors::entries
  std::vector<TensorScan> tensors;       ///< as in TensorFile::tensors
  std::optional<std::string>
      short_read;  ///< bytes that should have been there and were not: "at 1,024 of data/0"
};

ScanResult scan_tensors(const ByteSource& source, const ReadTensors& read, const InspectOptions& options);

}  // namespace redflag::tensors
