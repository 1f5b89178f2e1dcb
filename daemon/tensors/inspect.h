// One file, from its first byte to its last: structure, checksums, statistics, findings. Runs inside
// redflag-inspect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "daemon/tensors/byte_source.h"
#include "daemon/tensors/report.h"

namespace redflag::tensors {

struct InspectOptions {
  std::size_t threads = 1;  ///< that read and compute
  bool drop_cache = false;  ///< give back pages that only this read brought into the page cache (large files)
  std::uint64_t bytes_per_second = 0;  ///< read no faster, all threads together; 0: as fast as it goes
  std::size_t max_tensors = 50'000;    ///< described in the report; all are read
};

/// The file at `path`, of any kind that a results tree holds (tensors, JSON, pointers). Never throws, never
/// fails: what goes wrong is in the verdict.
FileReport inspect_file(const std::string& path, const InspectOptions& options = {});

/// The same for bytes from anywhere, without what only a real file has. `name` decides where the bytes do not
/// (JSON).
FileReport inspect_bytes(const ByteSource& source, const std::string& name,
                         const InspectOptions& options = {});

}  // namespace redflag::tensors
