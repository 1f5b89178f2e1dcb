// The structure of a file of tensors together with its checksummed parts, for the scan. Internal to
// daemon/tensors.
#pragma once

#include "daemon/tensors/zip_directory.h"

namespace redflag::tensors {

struct ReadTensors {
  TensorFile file;
  std::vector<ZipEntry> entries;  ///< of a zip; none otherwise
};

/// `name` is a hint: what ends in .safetensors is judged as such.
tl::expected<ReadTensors, ReadFailure> read_tensors(const ByteSource& source, std::string_view name);

}  // namespace redflag::tensors
