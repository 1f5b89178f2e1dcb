// What was found in a file, as it is kept from one start to the next: so that gigabytes are not read again
// for nothing.
#pragma once

#include <cstdint>
#include <string>

#include "rules/values/time.h"

namespace redflag::daemon {

/// Holds only as long as the file has the same identity and the reader is the same: whoever loads it
/// compares.
struct VerdictRecord {
  std::string path;  ///< absolute, raw bytes
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::string reader;  ///< the program that found it, with its version
  Time checked;
  std::string report;  ///< JSON (daemon/tensors/report_json.h)
};

}  // namespace redflag::daemon
